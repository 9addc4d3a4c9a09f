// Package redisshelf is a shelf in a Redis that gateways share. It seals nothing: what is put there is sealed already.
package redisshelf
