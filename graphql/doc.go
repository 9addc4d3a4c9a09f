// Package graphql answers FHIR's GraphQL over what one caller may see of merged records, with budgets and a check at
// every edge. It asks no source and grants nothing: a Backend fetches, and a Grant decides.
package graphql
