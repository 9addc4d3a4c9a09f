// Package merge makes one record of what several sources hold: each event once, every copy accounted for, nothing
// invented. It is pure: it knows neither time nor network, and it can't fail.
//
// A Rule per resource type says of two copies what they are to each other; the Engine finds the copies worth comparing,
// joins those that agree, all with all, and marks those that disagree. A copy joined by mistake is worse than one left
// apart, so what is not said by both never counts for them.
package merge
