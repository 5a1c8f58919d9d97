module tidegate.dev/e2e

go 1.26.0

require (
	go.yaml.in/yaml/v3 v3.0.5
	golang.org/x/net v0.61.0
)

require golang.org/x/text v0.43.0 // indirect
