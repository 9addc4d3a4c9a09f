// Command bench measures what an answer of the gateway costs beside programs that do less, all of them in one run and by
// turns, so that only ratios count. It proves nothing about what an answer holds, and is no part of the product.
package main
