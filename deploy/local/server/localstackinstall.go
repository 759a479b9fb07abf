//go:build unix

package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// localStack installs LocalStack and what it would download itself when it first
// needs it: DynamoDB Local from Maven, kinesis-mock from npm.
func localStack(ctx context.Context, in *installer) (program, error) {
	tools, err := findTools(ctx)
	if err != nil {
		return program{}, err
	}
	seclude, err := in.build(ctx, "github.com/provingground/provingground/deploy/local/seclude")
	if err != nil {
		return program{}, err
	}
	files, err := in.localStackFiles(ctx)
	if err != nil {
		return program{}, err
	}
	pins, err := os.ReadFile(filepath.Join(files, "requirements.txt"))
	if err != nil {
		return program{}, err
	}
	find := func(context.Context) (python, error) { return python{program: program{path: tools.python}}, nil }
	py, err := in.venvOf(ctx, "localstack", "LocalStack (Python packages, about 500 MB on disk)", string(pins), find)
	if err != nil {
		return program{}, err
	}
	libraries, err := in.localStackLibraries(ctx, tools, files)
	if err != nil {
		return program{}, err
	}
	return program{
		path: seclude.path,
		args: []string{py.path, "-m", "provingground_localstack.start"},
		env: append(py.env,
			"PYTHONPATH="+filepath.Join(files, "plugin"), "LOCALSTACK_LIBRARIES="+libraries,
			"PATH="+filepath.Dir(tools.node)+":/usr/local/bin:/usr/bin:/bin"),
	}, nil
}

// localStackFiles unpacks what is embedded.
func (in *installer) localStackFiles(ctx context.Context) (string, error) {
	files, err := fs.Sub(localStackFiles, "localstack")
	if err != nil {
		return "", err
	}
	var all strings.Builder
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		fmt.Fprintf(&all, "%s\n%s\n", name, text)
		return err
	})
	if err != nil {
		return "", err
	}
	return in.once(ctx, "localstack-files", all.String(), func(_ context.Context, dir string) error {
		return os.CopyFS(dir, files)
	})
}

// localStackLibraries makes the folder where LocalStack looks for programs before
// it downloads them.
func (in *installer) localStackLibraries(ctx context.Context, t tools, files string) (string, error) {
	pins := machine() + t.javaHome
	for _, name := range []string{"pom.xml", "package-lock.json", "Agent.java"} {
		text, err := os.ReadFile(filepath.Join(files, name))
		if err != nil {
			return "", err
		}
		pins += string(text)
	}
	return in.once(ctx, "localstack-libraries", pins, func(ctx context.Context, dir string) error {
		java := filepath.Join(dir, "java")
		if err := os.Mkdir(java, 0o755); err != nil {
			return err
		}
		// DynamoDB Local needs 17; 21 is the version that LocalStack asks for.
		if err := os.Symlink(t.javaHome, filepath.Join(java, "21")); err != nil {
			return err
		}
		return errors.Join(
			in.progress.step(ctx, "installing DynamoDB Local (Maven, about 50 MB)", func(ctx context.Context) error {
				return dynamoDBLocal(ctx, t, files, filepath.Join(dir, "dynamodb-local", "2"))
			}),
			in.progress.step(ctx, "installing kinesis-mock (npm)", func(ctx context.Context) error {
				return kinesisMock(ctx, t, files, filepath.Join(dir, "kinesis-local", "0.5.2"))
			}),
		)
	})
}

// dynamoDBLocal lays out what AWS's archive holds: a jar that starts, its
// libraries, and the agent that LocalStack loads into it. Maven checks the
// checksums.
func dynamoDBLocal(ctx context.Context, t tools, files, dir string) error {
	libs := filepath.Join(dir, "DynamoDBLocal_lib")
	if err := os.MkdirAll(libs, 0o755); err != nil {
		return err
	}
	if _, err := run(ctx, nil, t.maven, "-q", "-B", "-C", "-f", filepath.Join(files, "pom.xml"),
		"dependency:copy-dependencies", "-DoutputDirectory="+libs, "-DincludeScope=runtime"); err != nil {
		return err
	}
	jars, err := filepath.Glob(filepath.Join(libs, "*.jar"))
	if err != nil || len(jars) == 0 {
		return errors.Join(err, fmt.Errorf("maven left no jar in %s", libs))
	}
	classPath := "Class-Path:"
	for _, jar := range jars { // each on a line of its own: lines end at 72 bytes
		classPath += " DynamoDBLocal_lib/" + filepath.Base(jar) + "\n "
	}
	manifest := "Main-Class: com.amazonaws.services.dynamodbv2.local.main.ServerRunner\n" + strings.TrimSuffix(classPath, " ")
	if err := t.jar(ctx, filepath.Join(dir, "DynamoDBLocal.jar"), manifest); err != nil {
		return err
	}
	classes := filepath.Join(dir, "agent")
	if _, err := run(ctx, nil, t.javac, "-d", classes, filepath.Join(files, "Agent.java")); err != nil {
		return err
	}
	return t.jar(ctx, filepath.Join(dir, "ddb-local-loader-0.1.jar"), "Premain-Class: Agent\n", "-C", classes, "Agent.class")
}

// jar packs a jar with a manifest.
func (t tools) jar(ctx context.Context, name, manifest string, content ...string) error {
	file := name + ".manifest"
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		return err
	}
	_, err := run(ctx, nil, t.jarTool, append([]string{"cfm", name, file}, content...)...)
	return err
}

func kinesisMock(ctx context.Context, t tools, files, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join(files, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	_, err := run(ctx, nil, t.npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir)
	return err
}
