// Package storetest is what every [store.Store] has to pass, and what breaks below one: a file system with faults.
package storetest
