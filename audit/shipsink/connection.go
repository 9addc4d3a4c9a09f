package shipsink

import (
	"net"
	"time"
)

// connection is one whose end is noticed although nothing is written: a goroutine reads from it, and a syslog server sends
// nothing.
type connection struct {
	net.Conn
	ended chan struct{} // closed when the far end is gone
}

func watch(c net.Conn) *connection {
	w := &connection{Conn: c, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		b := make([]byte, 256)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	}()
	return w
}

func (c *connection) gone() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

func (c *connection) write(b []byte, within time.Duration) error {
	if err := c.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	_, err := c.Write(b)
	return err
}

// close ends the connection and waits for its reader.
func (c *connection) close() {
	_ = c.Close() // what was written is handed over, or lost either way
	<-c.ended
}
