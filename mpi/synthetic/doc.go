// Package synthetic makes up patients of whom it is known who is who, to measure linking by. Nobody in it is anybody, and it
// does not claim that a site's data are like it.
package synthetic
