package audit

import "context"

// Caller is at whose request something happens; all of it from a verified token. The zero value is nobody's request.
type Caller struct {
	RequestID     string
	PrincipalID   string
	PrincipalRole string
	TenantID      string
	ClientID      string
}

type callerKey struct{}

// WithCaller is ctx with the caller, for records that are made far below the request.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf is the caller that ctx has; the zero Caller when it has none.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}
