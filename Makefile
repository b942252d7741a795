# zvonar: `make demo` and `make test` are all a newcomer needs.

GO         ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.7.0
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: build demo test test-quick crash lint bench bench-parts bench-media bench-drain bench-flood leak simulate figures amd-report amd-sounds cover fuzz clean

build:
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/zvonar ./cmd/zvonar

# A whole system on loopback: the daemon, a test carrier, calls, events, what people heard.
demo: build
	@scripts/need demo
	bin/zvonar demo --out demo-out

# Everything, against programs that we did not write (SIPp, baresip, sox, clients of providers). Tests
# that listen to live audio come last, with the machine to themselves: a build
# beside them would be heard as gaps.
test:
	@scripts/need test
	$(GO) test -race -timeout 15m $$($(GO) list ./... | grep -v -e /cmd/ -e /test/)
	$(GO) test -race -timeout 30m -p 1 ./cmd/... ./test/...

# The rings that need nothing but Go.
test-quick:
	$(GO) test -short ./...

# Kill the daemon ROUNDS times, at every named instant and in its recovery, and
# judge from outside what it did: docs/crash.md. SEED and PLAN repeat a round,
# CRASH_STORE=postgres takes the other database.
ROUNDS ?= 1000
COPIES ?= 500
WORLDS ?= 20
crash:
	@scripts/need test
	CRASH_ROUNDS=$(ROUNDS) CRASH_COPIES=$(COPIES) CRASH_WORLDS=$(WORLDS) CRASH_SEED=$(SEED) CRASH_PLAN='$(PLAN)' CRASH_REPORT=$(CURDIR)/crash-report.json \
		$(GO) test -count=1 -timeout 6h -parallel 7 -v -run TestKilledAnywhere ./test/crash

lint:
	@fmt=$$(gofmt -l .); if [ -n "$$fmt" ]; then echo "gofmt these files:"; echo "$$fmt"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

# Every figure of media: the parts, then whole calls.
bench: bench-parts bench-media

bench-parts:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# What calls cost, one processor for the daemon and one for the load, beside what the
# kernel alone takes (docs/performance.md); a quarter of an hour on a quiet machine,
# best as root. Nothing else is needed.
STEPS ?= 100,200,400,600,1000,1400,1800,2200,2600,3000
# Encrypted, captured, judged and bridged calls, each beside what it is compared with.
KINDS ?= w1 w1-srtp w1-capture bridge bridge-transcoded w2 w2-amd
AT ?= 600
bench-media: build
	$(GO) build -o bin/load ./test/load
	@ulimit -n $$(ulimit -Hn); rm -f bin/load.json; for m in floor w1 w2; do echo; bin/load -mode $$m -calls-at-once $(STEPS) -rows bin/load.json; done
	@ulimit -n $$(ulimit -Hn); for m in $(KINDS); do echo; bin/load -mode $$m -calls-at-once $(AT); done
	bin/load -rows bin/load.json -plot bin/load.svg

# The figures of docs/performance.md about the store, the API and recovery;
# minutes of load on the whole machine.
figures:
	$(GO) test ./test/figures -figures -v -timeout 60m
	$(GO) test ./recordings ./recordings/audio -count=1 -v -run 'TestBombsAreRefused|TestAWholeIngest|TestConversionIsAsGood' -bench AMinute -benchmem | grep -v -e '^=' -e '^ok'

# A receiver was down for an hour at 50 calls/s and comes back; needs a quiet machine and some minutes.
DRAIN_CALLS ?= 180000
bench-drain:
	$(GO) test -timeout 60m -count 1 -run TestDrain -v ./internal/outbox -drain.calls $(DRAIN_CALLS)

# The floods of sip/flood_test.go at full strength, FLOODTIME each; prints a table.
FLOODTIME ?= 10s
bench-flood:
	$(GO) test ./sip -count=1 -timeout 30m -run '^TestFloods$$' -args -flood $(FLOODTIME)

# CALLS calls of every shape to the built daemon; prints what they leave behind.
CALLS ?= 100000
leak:
	$(GO) test ./test/leak -count=1 -timeout 60m -v -run '^TestCallsLeave' -args -leak.calls $(CALLS)

# A year of dialling all over Russia by a fake clock, with crashes in between; every attempt is judged.
# Then the pace by the real clock, and what the next of a million waiting calls costs.
DIALS ?= 1000000
simulate:
	ZVONAR_DIALS=$(DIALS) $(GO) test ./internal/dialer -count=1 -timeout 60m -v -run '^TestNobodyIsCalledUnlawfullyInAYear'
	ZVONAR_PACE=1 $(GO) test ./internal/dialer -count=1 -v -run '^TestThePaceByTheRealClock'
	$(GO) test ./internal/dialer -run xxx -bench NextDue

# How well answering machines are told on voices that were not learned from; minutes.
# CORPUS holds a manifest.csv and its sounds (docs/amd.md). MORE names further manifests,
# whose sounds are learned from and not judged: those of `make amd-sounds DIR=sounds`
# where they are there, as the built-in table has.
CORPUS ?= ../shared/corpus/amd
MORE ?= $(wildcard sounds/manifest.csv)
amd-report: build
	$(if $(MORE),,@echo "learning from $(CORPUS) alone; for the figures of docs/amd.md first: make amd-sounds DIR=sounds" >&2)
	bin/zvonar amd train $(CORPUS)/manifest.csv $(foreach m,$(MORE),--more $(m))

# Free sounds to learn from beside a corpus, composed out of Debian packages (docs/amd-sounds.md):
# half a gigabyte to download, minutes. WITHOUT names packages to leave out.
amd-sounds:
	@GO=$(GO) scripts/amd-sounds $(or $(DIR),$(error name the folder to write: make amd-sounds DIR=sounds)) $(WITHOUT)

cover:
	$(GO) test -short -coverprofile coverage.out ./...
	$(GO) tool cover -func coverage.out | tail -n 1

# Long fuzzing of every parser, FUZZTIME each, and MUTATIONS mutated messages
# through a user agent that has to go on making calls, and as many descriptions.
FUZZTIME ?= 1m
MUTATIONS ?= 1000000
fuzz:
	scripts/fuzz $(FUZZTIME)
	$(GO) test ./sip -count=1 -timeout 60m -run '^TestMutatedMessages' -args -mutations $(MUTATIONS)
	$(GO) test ./sip/sdp -count=1 -timeout 60m -v -run '^TestMutatedDescriptions' -args -mutations $(MUTATIONS)

clean:
	rm -rf bin demo-out coverage.out crash-report.json
