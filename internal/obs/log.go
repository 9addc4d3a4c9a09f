package obs

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"

	"concord"
)

// Keys are the attributes that the program's log may have. What they name holds no PHI: ids are the gateway's own, routes
// are templates, and everything else comes from a closed set or the configuration.
func Keys() []string {
	return []string{"admin", "attempt", "audit_head", "audit_seq", "class", "component", "config", "count", "data", "error",
		"interaction", "kind", "listen", "method", "ms", "op", "outcome", "reason", "request_id", "route", "source", "sources",
		"state", "status", "type", "url", "version"}
}

// maxText bounds a logged text, in bytes.
const maxText = 256

// NewLogger is the program's log: JSON lines on w, from level Info up, with the attributes of Keys.
func NewLogger(w io.Writer) *slog.Logger { return slog.New(NewHandler(w, slog.LevelInfo, Keys()...)) }

// NewHandler writes JSON lines on w. An attribute or a group whose key is not among keys is not written, whatever it holds.
// An error is written as its Fault's text, which has no cause, or else as the name of its Kind. Other values are written
// when they are text (cut to 256 bytes), a number, a truth value, a time or a duration, and as "[withheld]" otherwise.
// Messages are written as they are, so they must be constants.
func NewHandler(w io.Writer, level slog.Leveler, keys ...string) slog.Handler {
	return &handler{next: slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}), keys: slices.Clone(keys)}
}

type handler struct {
	next slog.Handler
	keys []string
	mute bool // within a group that may not be written
}

// Enabled tells whether records of this level are written.
func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

// Handle writes r with the attributes that may be.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	if !h.mute {
		r.Attrs(func(a slog.Attr) bool {
			clean.AddAttrs(h.filter([]slog.Attr{a})...)
			return true
		})
	}
	return h.next.Handle(ctx, clean)
}

// WithAttrs is h with the attributes that may be written.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := h.filter(attrs)
	if h.mute || len(clean) == 0 {
		return h
	}
	return &handler{next: h.next.WithAttrs(clean), keys: h.keys}
}

// WithGroup is h within a group; what is in a group that may not be written is not written.
func (h *handler) WithGroup(name string) slog.Handler {
	switch {
	case name == "" || h.mute:
		return h
	case !slices.Contains(h.keys, name):
		return &handler{next: h.next, keys: h.keys, mute: true}
	}
	return &handler{next: h.next.WithGroup(name), keys: h.keys}
}

func (h *handler) filter(attrs []slog.Attr) (clean []slog.Attr) {
	for _, a := range attrs {
		a.Value = resolve(a.Value)
		switch {
		case a.Value.Kind() == slog.KindGroup && (a.Key == "" || slices.Contains(h.keys, a.Key)):
			a.Value = slog.GroupValue(h.filter(a.Value.Group())...)
		case slices.Contains(h.keys, a.Key):
			a.Value = plain(a.Value)
		default:
			continue
		}
		clean = append(clean, a)
	}
	return clean
}

// withheld stands for a value that has no form to trust.
const withheld = "[withheld]"

// resolve is what a LogValuer says of itself, unless it is an error, which is written as its kind even if it can speak for
// itself. A LogValuer that panics, or never comes to an end, is withheld.
func resolve(v slog.Value) (r slog.Value) {
	defer func() {
		if recover() != nil {
			r = slog.StringValue(withheld)
		}
	}()
	for range 8 {
		if v.Kind() != slog.KindAny && v.Kind() != slog.KindLogValuer {
			return v
		}
		if err, ok := v.Any().(error); ok {
			return slog.StringValue(errorText(err))
		}
		l, ok := v.Any().(slog.LogValuer)
		if !ok {
			return v
		}
		v = l.LogValue()
	}
	return slog.StringValue(withheld)
}

// plain is v in a form that holds nothing but what it seems to.
func plain(v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindString:
		return text(v.String())
	case slog.KindAny:
		return plainAny(v.Any())
	case slog.KindBool, slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindTime, slog.KindDuration:
		return v
	default:
		return slog.StringValue(withheld)
	}
}

func plainAny(x any) slog.Value {
	if x == nil {
		return slog.AnyValue(nil)
	}
	v := reflect.ValueOf(x)
	switch v.Kind() { //nolint:exhaustive // the rest is withheld
	case reflect.String: // such as a SourceID
		return text(v.String())
	case reflect.Bool:
		return slog.BoolValue(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return slog.Int64Value(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return slog.Uint64Value(v.Uint())
	case reflect.Float32, reflect.Float64:
		return slog.Float64Value(v.Float())
	}
	return slog.StringValue(withheld)
}

// errorText is what may be said of err: never its own text, which may hold a URL or a body. A method of err that panics, as
// that of a nil pointer does, costs the text and not the process.
func errorText(err error) (s string) {
	defer func() {
		if recover() != nil {
			s = concord.Unknown.String()
		}
	}()
	var f *concord.Fault
	switch {
	case errors.As(err, &f):
		return f.Error()
	case concord.KindOf(err) != concord.Unknown:
		return concord.KindOf(err).String()
	case errors.Is(err, context.DeadlineExceeded):
		return concord.Timeout.String()
	case errors.Is(err, context.Canceled):
		return concord.Canceled.String()
	}
	return concord.Unknown.String()
}

// text bounds s, at a rune's end.
func text(s string) slog.Value {
	if len(s) <= maxText {
		return slog.StringValue(s)
	}
	n := maxText
	for n > maxText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return slog.StringValue(s[:n] + "…")
}

// ServerErrors writes on l that net/http reported something, and not what: its texts have addresses, URLs and the values of
// panics. It is for slog.NewLogLogger, whose result is for http.Server.ErrorLog.
func ServerErrors(l *slog.Logger) slog.Handler { return blind{l.Handler()} }

type blind struct{ next slog.Handler }

func (b blind) Enabled(ctx context.Context, l slog.Level) bool { return b.next.Enabled(ctx, l) }

func (b blind) Handle(ctx context.Context, r slog.Record) error {
	return b.next.Handle(ctx, slog.NewRecord(time.Now(), r.Level, "the HTTP server reported a fault of a connection", 0))
}

func (b blind) WithAttrs([]slog.Attr) slog.Handler { return b }

func (b blind) WithGroup(string) slog.Handler { return b }
