// Package match decides from two patients' demographics whether they are one human, and how sure that is. It is pure: it
// asks nobody, stores nothing, and calls certain only what could not as well be a relative, a twin or a namesake.
package match
