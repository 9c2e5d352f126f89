// Package exchangetest is what every [exchange.Link] has to pass, and what breaks above one: requests that are lost, late,
// cut, and answers that are damaged.
package exchangetest
