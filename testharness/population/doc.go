// Package population makes synthetic patients with clinical histories, deals them out to EHRs as real sites would hold
// them, and knows the truth: who is who, and which copies are one event. It serves nothing, and uses no clock and no
// randomness but its seed.
//
// Everything in it is made up. Names, numbers and addresses are drawn from tables; a telephone number lies in exchange
// 555, an email address in example.org.
package population
