package app

// What the tests look at.
var (
	LimitFor      = limitFor
	PaceCollector = paceCollector
)
