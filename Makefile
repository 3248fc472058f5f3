GO ?= go

.PHONY: ci test vet
ci: vet test

test:
	$(GO) test -race ./...

vet:
	$(GO) vet ./...
