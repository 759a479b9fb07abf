// Package scenarios is the catalogue: which architectures this repository
// holds, the question each one answers, and what it takes to run it.
//
// It is data only. The runner, the load test, the compose file, the README and
// CI iterate over it, so a scenario is added here and nowhere else.
package scenarios

import "time"

// A Scenario is one entry of the catalogue. One without roles is planned and
// has no code yet.
type Scenario struct {
	Slug     string // also the folder below scenarios/ and the Go package
	Title    string
	Question string // as its asker put it
	Cloud    string
	Needs    []string // servers, by their names in deploy/local/server
	Template string   // infrastructure applied before the roles start, below deploy/
	Roles    []Role
	Target   Target
	Drills   []Drill
	// DrillRate is the arrivals per second of the main flow in drills, where it is
	// not the target's: a fault needs room on the cores that the target takes.
	DrillRate float64
	Draft     bool // it starts, and not all of its drills are proved yet
}

// Runs reports whether the scenario can be started and is proved: everything
// that goes over all scenarios takes those.
func (s Scenario) Runs() bool { return s.Starts() && !s.Draft }

// Starts reports whether the scenario can be started, by its name.
func (s Scenario) Starts() bool { return len(s.Roles) > 0 }

// Role returns the role of that name, or an empty one.
func (s Scenario) Role(name string) Role {
	for _, r := range s.Roles {
		if r.Name == name {
			return r
		}
	}
	return Role{}
}

// A Role is a program below the scenario's cmd/ folder. The runner gives every
// process ADDR and ADMIN_ADDR to listen on, PUBLIC_URL (the address of the
// role's first process), the variables of the servers in Needs, Env, and one
// generated value for each name in Secrets.
type Role struct {
	Name    string
	Count   int               // processes started on one machine
	Env     map[string]string // settings that are the same everywhere
	Secrets []string          // variables whose value is made once per clone
	TryIt   string            // a first command to try; {url} stands for PUBLIC_URL
	Worker  string            // its wrangler.jsonc below deploy/, for a Cloudflare Worker: cmd/<name> is its modules or compiled to them, and workerd runs it
	Calls   map[string]string // variables that hold the PUBLIC_URL of another role, by its name
	Lambda  *Lambda           // for a function: cmd/<name> is a program of the runtime provided.al2023, and a host runs it
	StandIn bool              // of somebody else's service: drills neither deploy nor kill it
	Before  bool              // the system as the question found it: measured for comparison, left alone by drills
	Scale   *Scale            // processes beyond Count, by the backlog of a queue
}

// A Scale is the rule of KEDA's azure-servicebus scaler for a role: as many processes
// as the queue's active messages need, at least the role's Count.
type Scale struct {
	Queue    string
	Messages int           // active ones for each process
	Max      int           // processes
	Polling  time.Duration // from one look at the queue to the next
	Cooldown time.Duration // without need for that long, a process is ended
}

// Processes returns how many the rule wants for so many active messages.
func (s Scale) Processes(count, active int) int {
	return min(max(count, (active+s.Messages-1)/s.Messages), s.Max)
}

// Most returns how many processes of the role run at the same time at most.
func (r Role) Most() int {
	if r.Scale == nil {
		return r.Count
	}
	return max(r.Count, r.Scale.Max)
}

// Lambda is how a function runs.
type Lambda struct {
	Concurrency int           // reserved: environments at once, over all hosts together
	Provisioned int           // of them, started ahead
	Timeout     time.Duration // of a request
	Idle        time.Duration // after which an unused environment is ended
}

// Target is what `make load` judges, on two cores that the generator, the
// roles and the servers share.
type Target struct {
	Rate     float64 // arrivals per second of the main flow
	Unit     string  // what arrives, in the plural
	P99      time.Duration
	Duration time.Duration
	WarmUp   time.Duration
	Records  int // made before the load: links, players
}

// A Drill is a fault under load. Five have the same meaning in every scenario,
// and say here what they need: deploy, overload, lostack, freeze and outage.
type Drill struct {
	Name     string
	Shows    string        // one line: what breaks, and what the user sees meanwhile
	Recovery time.Duration // the longest time after the end of the fault until the target holds again; deploy: of a role that runs once, and is away while it is replaced
	Lasts    time.Duration // from the beginning of the fault to its end

	Servers    []string          // outage: which stand still; lostack: whose answers are lost
	Operations []string          // lostack: of these operations, as the fault proxy names them
	Bindings   []string          // outage, lostack: of a Worker, in the place of servers
	Role       string            // freeze: whose first process is stopped and continued
	Queues     bool              // overload: what is beyond is not refused but accepted for later
	Admits     float64           // overload: arrivals per second that all processes admit together
	Env        map[string]string // settings of the roles in this drill
}

// Find returns the scenario with the given slug.
func Find(slug string) (Scenario, bool) {
	for _, s := range All() {
		if s.Slug == slug {
			return s, true
		}
	}
	return Scenario{}, false
}
