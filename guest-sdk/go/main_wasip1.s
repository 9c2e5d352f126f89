// Empty: its presence lets exports_wasip1.go declare main.main without a body.
