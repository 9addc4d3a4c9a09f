package smart

import "math/big"

// rocaPrimes are the small primes that keys of CVE-2017-15361 are known by.
var rocaPrimes = [...]uint64{3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
	113, 127, 131, 137, 139, 149, 151, 157, 163, 167}

// isROCA tells whether an RSA modulus was made by the broken generator of CVE-2017-15361, whose keys can be factored: its
// primes are powers of 65537 modulo a product of small primes, and so is their product modulo each of these. Of other
// moduli one in some 10^8 looks the same.
func isROCA(n *big.Int) bool {
	var rest, prime big.Int
	for _, p := range rocaPrimes {
		r := rest.Mod(n, prime.SetUint64(p)).Uint64()
		x := uint64(1)
		for x != r {
			if x = x * 65537 % p; x == 1 { // once round, and it was not there
				return false
			}
		}
	}
	return true
}
