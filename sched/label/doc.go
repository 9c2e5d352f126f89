// Package label says which nodes work may run on. A node has labels ([Set]), such as ray.io/availability-zone=eu-1; work
// has selectors ([Selector]), of which a node must fulfil every term:
//
//	v            the label has the value v
//	!v           it has not: another value, or no such label
//	in(a,b)      it has one of the values
//	!in(a,b)     it has none of them: another value, or no such label
//
// A [Strategy] is a list of selectors to try in order: the selector first, then Ray's fallback_strategy.
//
// What it is not: it chooses no node.
//
// Invariants: a selector prints as what it is parsed from, up to spaces; equal selectors print equally. Names and values
// obey Kubernetes' rules, as Ray's do: at most 63 characters, letters, digits, '-', '_' and '.', beginning and ending
// with a letter or digit; a name may have a DNS prefix of at most 253 characters and a slash.
package label
