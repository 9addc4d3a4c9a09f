// Package match decides from two patients' demographics whether they are one human, and how sure that is: by rules, which are
// certain only of approved combinations of fields, and by a model that weighs every field and is learnt without being told
// who is who. It is pure: it asks nobody, stores nothing, and calls certain only what could not as well be a relative, a twin
// or a namesake.
package match
