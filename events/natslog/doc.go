// Package natslog keeps events in a stream of NATS JetStream. It does not read them: whoever follows them does.
package natslog
