// Package app puts the parts together: configuration becomes a running gateway. It holds no rule of its own.
package app
