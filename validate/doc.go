// Package validate tells whether a resource is what R4, and a profile of US Core, say that it should be: the engine of
// $validate, as a pure function over the bytes that were sent. It asks no terminology server, resolves no reference
// beyond the resource, and puts nothing that the resource holds into what it says: neither values nor names that R4 does
// not define.
package validate
