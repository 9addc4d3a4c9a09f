// Package federation asks one question of many EHRs at once and says of each what became of it. It knows neither SMART
// nor HTTP, and never turns one source's failure into another's.
package federation
