// Package admission decides how many requests are under way at once, and whose turn it is when there are more: it keeps the
// gateway from taking on what it can't finish in time. It does not know what a request asks for, and never ends one that it
// has let in.
package admission
