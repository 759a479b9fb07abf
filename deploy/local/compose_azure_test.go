//go:build unix

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/provingground/provingground/scenarios"
)

// The second file puts Microsoft's emulator in the place of the stand-in, with the
// entities that the stand-in gets.
func TestTheEmulatorsComposeFileFitsTheOther(t *testing.T) {
	sc, found := scenarios.Find("orderprocessor")
	if !found {
		t.Fatal("the catalogue has no orderprocessor")
	}
	base, over := services(t), servicesOf(t, "../azure/emulator.compose.yml")
	broker := over["servicebus"]
	if want := "./deploy/" + sc.Template + ":/ServiceBus_Emulator/ConfigFiles/Config.json:ro"; !slices.Equal(broker.Volumes, []string{want}) {
		t.Errorf("the emulator gets %q, want %q", broker.Volumes, want)
	}
	sql := over[broker.Environment["SQL_SERVER"]]
	if sql.MemLimit == "" || !slices.Contains(sql.Profiles, sc.Slug) || len(sql.Ports) > 0 {
		t.Errorf("the emulator's SQL Server is %+v, want one with a bound, in the profile, that is not published", sql)
	}
	pinned := regexp.MustCompile(`^\$\{[A-Z_]+_IMAGE:-mcr\.microsoft\.com/[a-z/-]+:\d[\w.-]+\}$`)
	for name, s := range map[string]service{"servicebus": broker, "its SQL Server": sql} {
		if !pinned.MatchString(s.Image) {
			t.Errorf("%s has image %q, want ${…_IMAGE:-name:exact version}", name, s.Image)
		}
		if !strings.HasPrefix(s.Environment["ACCEPT_EULA"], "${ACCEPT_EULA:?") || !strings.HasPrefix(s.Environment["MSSQL_SA_PASSWORD"], "${MSSQL_SA_PASSWORD:?") {
			t.Errorf("%s: terms and password are not the user's own: %q", name, s.Environment)
		}
	}
	for _, role := range sc.Roles {
		for i := range role.Count {
			name := fmt.Sprintf("%s-%s-%d", sc.Slug, role.Name, i)
			if _, waits := over[name].DependsOn[sc.Slug+"-provision"]; waits || over[name].DependsOn["servicebus"].Condition != "service_healthy" {
				t.Errorf("%s waits for %v, want the emulator alone, which makes its entities itself", name, over[name].DependsOn)
			}
		}
	}
	for name := range over {
		if _, there := base[name]; !there && name != broker.Environment["SQL_SERVER"] {
			t.Errorf("%s is not in the other file", name)
		}
	}
}
