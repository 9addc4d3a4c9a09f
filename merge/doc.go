// Package merge makes one record of what several sources hold: each event once, every copy accounted for, nothing
// invented. It is pure: it knows neither time nor network, and it can't fail.
package merge
