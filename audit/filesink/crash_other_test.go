//go:build !unix

package filesink_test

func runChild(string) int { return 2 }
