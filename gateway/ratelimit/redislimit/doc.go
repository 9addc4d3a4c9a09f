// Package redislimit keeps the counts of several gateways, and the emergency headers that they have accepted, in one Redis.
// It will not keep anybody waiting for a Redis that is gone, and puts no name, id or token claim there, only keyed hashes.
package redislimit
