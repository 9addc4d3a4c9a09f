// Package gateway is the HTTP edge: it turns a request into an Interaction, lets through what token, scopes and limits
// allow, renders what the sources gave, and lets no answer out before it is recorded. It never speaks to a source itself.
package gateway
