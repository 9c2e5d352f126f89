package rayarrow

// Head is the head of an item that holds a stream of n bytes.
func Head(n int) []byte { return head(n) }
