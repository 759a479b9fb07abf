//go:build unix

package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// debian unpacks Debian packages into a folder: as any user, with nothing
// installed and no system service started. Apt works out which dependencies this
// machine lacks and downloads only those. Want is the file, or a
// pattern of it, that must come out.
func (in *installer) debian(ctx context.Context, name, want string, packages ...string) (string, error) {
	return in.debianOf(ctx, "", name, want, packages...)
}

// debianOf takes the packages of another release than the machine's, or of its own
// where none is named.
func (in *installer) debianOf(ctx context.Context, release, name, want string, packages ...string) (string, error) {
	return in.once(ctx, name, machine()+release+strings.Join(packages, " "), func(ctx context.Context, dir string) error {
		for _, tool := range []string{"apt-get", "dpkg-deb"} {
			if _, err := exec.LookPath(tool); err != nil {
				return fmt.Errorf("%s is missing and only Debian and Ubuntu packages are known here: install it, or use Docker", name)
			}
		}
		what := "installing " + name + " (Debian package, unpacked into .local)"
		return in.progress.step(ctx, what, func(ctx context.Context) error {
			if err := in.unpack(ctx, dir, release, packages); err != nil {
				return err
			}
			if found, err := filepath.Glob(filepath.Join(dir, want)); err != nil || len(found) == 0 {
				return fmt.Errorf("the packages brought no %s: if it is installed already, put it on PATH", want)
			}
			return nil
		})
	})
}

// DebianPackages unpacks Debian packages below the root, once, and returns their
// folder and what their programs need beside the caller's environment to find
// their libraries. Want is a file that must come out. Release names another one
// than the machine's, whose packages must then fit its libraries; default: its own.
func (c *Cloud) DebianPackages(ctx context.Context, release, name, want string, packages ...string) (dir string, env []string, err error) {
	in := &installer{root: c.root, progress: c.progress}
	if dir, err = in.debianOf(ctx, release, name, want, packages...); err != nil {
		return "", nil, err
	}
	return dir, libraries(dir), nil
}

// DebianMirror returns where this machine gets Debian's own packages from, and the
// name of its release.
func DebianMirror(ctx context.Context) (url, release string, err error) {
	out, err := run(ctx, nil, "apt-get", "indextargets", "--format", "$(ORIGIN)|$(COMPONENT)|$(CODENAME)|$(REPO_URI)", "Created-By: Packages")
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) == 4 && f[0] == "Debian" && f[1] == "main" && !strings.Contains(f[2], "-") {
			return f[3], f[2], nil
		}
	}
	return "", "", errors.New("apt knows no mirror of Debian's own packages: only Debian is known here")
}

// aptSettings are read after the machine's own, which keep their say on sources
// and proxies. The hooks are for real installations only.
func aptSettings(dir string) string {
	return fmt.Sprintf(`Dir::State::Lists "%[1]s/lists";
Dir::Cache "%[1]s/cache";
Dir::Cache::archives "archives";
Debug::NoLocking "1";
APT::Sandbox::User "";
Acquire::Languages "none";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
`, dir)
}

// otherRelease makes apt see one release of the mirror alone.
func otherRelease(ctx context.Context, work, release string) (string, error) {
	mirror, _, err := DebianMirror(ctx)
	if err != nil {
		return "", err
	}
	list := filepath.Join(work, "sources.list")
	line := fmt.Sprintf("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n", mirror, release)
	settings := fmt.Sprintf("Dir::Etc::SourceList %q;\nDir::Etc::SourceParts \"/dev/null\";\nDir::Etc::PreferencesParts \"/dev/null\";\n", list)
	return settings, os.WriteFile(list, []byte(line), 0o600)
}

func (in *installer) unpack(ctx context.Context, dir, release string, packages []string) error {
	work, err := os.MkdirTemp(dir, "apt-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	settings, text := filepath.Join(work, "apt.conf"), aptSettings(work)
	if release != "" {
		other, err := otherRelease(ctx, work, release)
		if err != nil {
			return err
		}
		text += other
	}
	if err := errors.Join(
		os.MkdirAll(filepath.Join(work, "lists", "partial"), 0o755),
		os.MkdirAll(filepath.Join(work, "cache", "archives", "partial"), 0o755),
		os.WriteFile(settings, []byte(text), 0o600),
	); err != nil {
		return err
	}
	if _, err := run(ctx, nil, "apt-get", "-c", settings, "-q", "update"); err != nil {
		return err
	}
	args := append([]string{"-c", settings, "-q", "-y", "--download-only", "--no-install-recommends", "install"}, packages...)
	if _, err := run(ctx, nil, "apt-get", args...); err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(work, "cache", "archives", "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range debs {
		if _, err := run(ctx, nil, "dpkg-deb", "-x", deb, dir); err != nil {
			return err
		}
	}
	return nil
}

// libraries is the environment that lets a program find the shared libraries
// unpacked beside it, those of PulseAudio in a folder of their own; none is needed
// when there are none.
func libraries(dir string) []string {
	var paths []string
	for _, pattern := range []string{"usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib/*-linux-gnu*/pulseaudio"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err == nil {
			paths = append(paths, found...)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	return []string{"LD_LIBRARY_PATH=" + strings.Join(paths, ":")}
}
