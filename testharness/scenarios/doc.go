// Package scenarios runs the real gateway in front of the sandbox EHRs and holds it to the truth. It holds tests only.
package scenarios
