// Package cluster holds several gateways at once to the truth: real processes on one PostgreSQL, one Redis and one NATS, behind
// a balancer, some of them killed while they are asked. It has tests and benchmarks only.
package cluster
