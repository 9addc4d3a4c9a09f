package config

import "net/url"

// Shared says where gateways keep what another may be asked for next: answers with further pages, and what became of
// creates. The zero value is this process's memory.
type Shared struct {
	Store   CounterStore // its SecretFile is empty: KeyFile does more
	KeyFile string       // the keys that seal what is kept, the same for all gateways; set if and only if Store is a Redis
}

// Events says where events are published. The zero value publishes none.
type Events struct {
	NATS EventsNATS
}

// EventsNATS is a NATS server with JetStream.
type EventsNATS struct {
	URL             string // nats:// or tls://, without user and password; empty: none
	CredentialsFile string // NATS credentials (JWT and NKey); empty: none
	Stream          string // its name; made when it is not there
	Replicas        int    // of the stream, when it is made
	TLS             SourceTLS
}

func readShared(s *section) Shared {
	store := s.at("store")
	key := s.at("key_file")
	out := Shared{Store: store.counterStore(), KeyFile: key.file()}
	redis := s.at("redis").section()
	out.Store.User, out.Store.PasswordFile = redis.at("user").word(), redis.at("password_file").file()
	out.Store.TLS = readSourceTLS(redis.at("tls").section())
	redis.done()
	switch {
	case out.Store.RedisAddr != "" && !key.present:
		store.fail("needs key_file: what is kept there is sealed")
	case out.Store.RedisAddr == "" && key.present && (!store.present || store.text() == "memory"):
		key.fail("is for a store that gateways share")
	}
	s.done()
	return out
}

// defaultStream is the stream of events when the file names none.
const defaultStream = "CONCORD"

// maxReplicas is JetStream's.
const maxReplicas = 5

func readEvents(s *section) Events {
	n := s.at("nats").section()
	out := EventsNATS{
		URL:             n.at("url").natsURL(),
		CredentialsFile: n.at("credentials_file").file(),
		Stream:          n.at("stream").wordOr(defaultStream),
		Replicas:        n.at("replicas").whole(maxReplicas),
		TLS:             readSourceTLS(n.at("tls").section()),
	}
	for _, key := range []string{"credentials_file", "stream", "replicas", "tls"} {
		if n.at(key).present {
			n.at("url").required()
			break
		}
	}
	n.done()
	s.done()
	if out.URL == "" {
		return Events{}
	}
	out.Replicas = max(out.Replicas, 1)
	return Events{NATS: out}
}

// natsURL is where a NATS server is.
func (f field) natsURL() string {
	v := f.text()
	if v == "" {
		return ""
	}
	u, err := url.Parse(v)
	switch {
	case err == nil && u.User != nil:
		f.fail("must hold no user or password: give credentials_file")
	case err != nil || u.Scheme != "nats" && u.Scheme != "tls" || !isHost(u.Hostname()) || !isPort(u.Port()) || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		f.fail("must be nats://host:port or tls://host:port")
	case u.Scheme == "nats" && !loopback(u.Hostname()):
		f.fail("must be tls: plain nats is for a loopback host only")
	default:
		return v
	}
	return ""
}
