module code.vikunja.io/api

go 1.26.4

require (
	github.com/mattn/go-sqlite3 v1.14.22
	golang.org/x/crypto v0.24.0
	golang.org/x/net v0.26.0
	gopkg.in/yaml.v3 v3.0.1
)
