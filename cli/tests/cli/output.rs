//! Where output goes, and what it leaves alone.

use crate::support::{Directory, Run, data, files, lanegrad, refuse, run, succeed};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Runs a script in a directory. `fit PATH` writes a model there.
fn shell(directory: &Directory, script: &str) -> Command {
    const FIT: &str =
        "fit() { \"$LANEGRAD\" fit \"$DATA\" --label malignant --l2 1 --quiet --model \"$1\"; }";
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{FIT}\n{script}")]).current_dir(directory.0.path());
    command.env_remove("LANEGRAD_ISA").env("LANEGRAD", env!("CARGO_BIN_EXE_lanegrad"));
    command.env("DATA", data("breast_cancer.csv"));
    command
}

/// The model that `fit` writes.
fn model() -> String {
    let directory = Directory::new();
    succeed(&mut shell(&directory, "fit m.json"));
    read(directory.path("m.json"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).expect("the file is there")
}

/// The names of standard output, besides links that the tests make.
const STANDARD_OUTPUT: &[&str] = if cfg!(target_os = "linux") {
    &["-", "/dev/stdout", "/dev//fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1", "near", "far/link"]
} else {
    &["-", "/dev/stdout", "/dev//fd/1", "near", "far/link"]
};

#[test]
fn standard_output_is_written_as_the_shell_opened_it() {
    let (directory, model) = (Directory::new(), model());
    symlink("/dev/stdout", directory.path("near")).unwrap();
    fs::create_dir(directory.path("far")).unwrap();
    symlink("../near", directory.path("far/link")).unwrap();
    let there = files(directory.0.path());
    for name in STANDARD_OUTPUT {
        for (how, first) in [(">", ""), (">>", "first\n")] {
            let script = format!("echo first > out; {{ echo before; fit {name}; echo after; }} {how} out");
            let Run { status, stdout, stderr } = run(&mut shell(&directory, &script));
            assert_eq!((status, stdout.as_str()), (Some(0), ""), "{name}: {stderr}");
            assert!(read(directory.path("out")) == format!("{first}before\n{model}after\n"), "{how} {name}");
            assert!(stderr.starts_with("rows  "), "the summary of {name} is on standard error: {stderr}");
        }
        fs::remove_file(directory.path("out")).unwrap();
        assert!(succeed(&mut shell(&directory, &format!("fit {name} | cat"))) == model, "{name}");
        assert_eq!(files(directory.0.path()), there, "{name}");
    }
    // With `exec` the process of `$$` is the program itself.
    #[cfg(target_os = "linux")]
    {
        let script = "exec >> out; echo before; exec \"$LANEGRAD\" fit \"$DATA\" --label malignant --l2 1 --quiet \
            --model /proc/$$/fd/1";
        succeed(&mut shell(&directory, script));
        assert!(read(directory.path("out")) == format!("before\n{model}"));
    }
}

#[test]
fn other_descriptors_are_written_as_the_shell_opened_them() {
    let (directory, model) = (Directory::new(), model());
    symlink("/dev/fd/3", directory.path("link")).unwrap();
    let names = ["/dev/fd/3", "link", "/proc/self/fd/3"];
    for name in names.iter().filter(|name| cfg!(target_os = "linux") || !name.starts_with("/proc")) {
        for (how, first) in [(">", ""), (">>", "first\n")] {
            let script =
                format!("echo first > out; exec 3{how} out; echo before >&3; fit {name}; echo after >&3");
            let stdout = succeed(&mut shell(&directory, &script));
            assert!(read(directory.path("out")) == format!("{first}before\n{model}after\n"), "{how} {name}");
            assert!(stdout.starts_with("rows  "), "the summary of {name} is on standard output: {stdout}");
        }
    }
    // Standard error.
    let stdout = succeed(&mut shell(&directory, "echo first > out; fit /dev/stderr 2>> out"));
    assert!(read(directory.path("out")) == format!("first\n{model}"));
    assert!(stdout.starts_with("rows  "), "{stdout}");
    // Another descriptor of standard output.
    let Run { stdout, stderr, .. } = run(&mut shell(&directory, "fit /dev/fd/3 3>&1 | cat"));
    assert!(stdout == model && stderr.starts_with("rows  "), "{stderr}");
    // Every command writes so.
    fs::write(directory.path("m.json"), &model).unwrap();
    let predict = "\"$LANEGRAD\" predict \"$DATA\" --model m.json";
    let want = succeed(&mut shell(&directory, predict));
    let script = format!("exec 3> out; echo before >&3; {predict} --out /dev/fd/3; echo after >&3; cat out");
    assert!(succeed(&mut shell(&directory, &script)) == format!("before\n{want}after\n"));

    refuse(&mut shell(&directory, "fit /dev/fd/9"), &["cannot write /dev/fd/9: it is not open"]);
    refuse(&mut shell(&directory, "fit /dev/fd/3 3< m.json"), &["/dev/fd/3: it is open for reading only"]);
    assert!(read(directory.path("m.json")) == model);
}

/// A shell's own descriptors, by its process: a pipe is one for all, but not a file's offset.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_another_process_holds_is_not_replaced() {
    let (directory, model) = (Directory::new(), model());
    assert!(succeed(&mut shell(&directory, "exec 3>&1; fit /proc/$$/fd/3 > /dev/null")) == model);
    let script = "exec 3> out; echo before >&3; fit /proc/$$/fd/3";
    refuse(&mut shell(&directory, script), &["cannot write /proc/", "another process holds"]);
    assert_eq!(read(directory.path("out")), "before\n");
}

#[test]
fn a_file_that_is_written_twice_cannot_be_a_stream() {
    let directory = Directory::new();
    let words = ["cannot write /dev/stdout: it must be a file, as its header has the number of rows"];
    let script = "echo first > out; \"$LANEGRAD\" convert \"$DATA\" /dev/stdout >> out";
    refuse(&mut shell(&directory, script), &words);
    assert_eq!(read(directory.path("out")), "first\n");
    refuse(
        &mut shell(&directory, "\"$LANEGRAD\" convert \"$DATA\" -"),
        &["cannot write to standard output: it must be a file"],
    );
    // The rows of `synth` are known.
    let script = "\"$LANEGRAD\" synth --rows 10 s.npy && \"$LANEGRAD\" synth --rows 10 /dev/stdout > t.npy";
    succeed(&mut shell(&directory, script));
    assert!(fs::read(directory.path("s.npy")).unwrap() == fs::read(directory.path("t.npy")).unwrap());
}

#[test]
fn links_are_followed_to_the_file_and_stay() {
    let (directory, model) = (Directory::new(), model());
    fs::create_dir(directory.path("far")).unwrap();
    symlink("far/second", directory.path("first")).unwrap();
    symlink("third", directory.path("far/second")).unwrap();
    for there in [false, true] {
        // The first time it is not there.
        assert_eq!(Path::new(&directory.path("far/third")).exists(), there);
        succeed(&mut shell(&directory, "fit first"));
        assert!(read(directory.path("far/third")) == model);
        assert_eq!(fs::read_link(directory.path("first")).unwrap(), Path::new("far/second"));
        assert_eq!(fs::read_link(directory.path("far/second")).unwrap(), Path::new("third"));
        assert_eq!(files(directory.0.path()), ["far", "first"]);
        assert_eq!(files(&directory.0.path().join("far")), ["second", "third"]);
        fs::write(directory.path("far/third"), "old").unwrap();
    }
    symlink("loop", directory.path("loop")).unwrap();
    refuse(&mut shell(&directory, "fit loop"), &["cannot write loop: there are more than 40 links"]);
    refuse(&mut shell(&directory, "fit new/"), &["cannot write new/: it names a directory"]);
    refuse(&mut shell(&directory, "fit far"), &["cannot write far: Is a directory"]);
    refuse(
        &mut shell(&directory, "fit new/m.json"),
        &["cannot write new/m.json", "no new file can be made in new"],
    );
    assert_eq!(files(directory.0.path()), ["far", "first", "loop"]);
}

#[test]
fn a_file_that_is_replaced_keeps_its_mode_and_its_owner() {
    let (directory, model) = (Directory::new(), model());
    let path = directory.path("m.json");
    let is_root = fs::metadata(directory.0.path()).unwrap().uid() == 0;
    for mode in [0o600, 0o640, 0o664, 0o755, 0o2755, 0o4711] {
        fs::write(&path, "an earlier model").unwrap();
        // Another user's, if the tests may give files away.
        if is_root {
            chown(&path, Some(12_345), Some(54_321)).unwrap();
        }
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let before = fs::metadata(&path).unwrap();
        succeed(&mut shell(&directory, "umask 077; fit m.json"));
        let after = fs::metadata(&path).unwrap();
        assert!(read(&path) == model);
        assert_eq!(after.mode() & 0o7777, mode, "{:o}, not {mode:o}", after.mode());
        assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    }
    // A new file has the mode that the umask leaves.
    succeed(&mut shell(&directory, "umask 027; fit new.json"));
    assert_eq!(fs::metadata(directory.path("new.json")).unwrap().mode() & 0o7777, 0o640);
}

/// A directory with a binary, data and a model that any user may use, and a fit there as one who is not root.
fn unprivileged() -> (Directory, impl Fn(&str) -> Command) {
    let directory = Directory::new();
    // By another program: a test that starts one at this moment would pass the open copy on to it, and what is open for
    // writing cannot be started.
    let copied =
        Command::new("cp").args([env!("CARGO_BIN_EXE_lanegrad"), &directory.path("lanegrad")]).status();
    assert!(copied.expect("cp starts").success());
    fs::copy(data("breast_cancer.csv"), directory.path("data.csv")).unwrap();
    fs::set_permissions(directory.0.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let (root, place) = (fs::metadata(directory.0.path()).unwrap().uid() == 0, directory.0.path().to_owned());
    let fit = move |model: &str| {
        let mut fit = Command::new(place.join("lanegrad"));
        fit.args(["fit", "data.csv", "--label", "malignant", "--l2", "1", "--quiet", "--model", model]);
        if root {
            fit.uid(NOBODY).gid(NOBODY);
        }
        fit.current_dir(&place);
        fit
    };
    (directory, fit)
}

/// A user without rights.
const NOBODY: u32 = 65_534;

/// A directory in another, with a file, each with its mode and, if the tests run as root, its owner.
fn place(parent: &Directory, name: &str, directory: (u32, u32), file: (u32, u32)) -> String {
    let path = parent.path(name);
    fs::create_dir(&path).unwrap();
    let inside = format!("{path}/m.json");
    fs::write(&inside, "an earlier model").unwrap();
    for (path, (owner, mode)) in [(&inside, file), (&path, directory)] {
        if fs::metadata(path).unwrap().uid() == 0 {
            chown(path, Some(owner), Some(owner)).unwrap();
        }
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    inside
}

#[test]
fn a_file_that_may_not_be_written_is_refused() {
    let (directory, fit) = unprivileged();
    // Its directory alone would let it be replaced.
    let read_only = place(&directory, "read_only", (NOBODY, 0o755), (NOBODY, 0o444));
    refuse(&mut fit("read_only/m.json"), &["cannot write read_only/m.json: Permission denied"]);
    assert_eq!(read(&read_only), "an earlier model");
    assert_eq!(files(&directory.0.path().join("read_only")), ["m.json"]);
    // A file that may be written, where none may be made beside it.
    let closed = place(&directory, "closed", (NOBODY, 0o555), (NOBODY, 0o644));
    let words = ["cannot write closed/m.json: no new file can be made in closed: Permission denied"];
    refuse(&mut fit("closed/m.json"), &words);
    assert_eq!(read(&closed), "an earlier model");
    refuse(&mut fit("closed/new.json"), &["cannot write closed/new.json: no new file can be made in closed"]);
    assert_eq!(files(&directory.0.path().join("closed")), ["m.json"]);
    // The temporary directory is removed by its owner.
    fs::set_permissions(directory.path("closed"), PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn another_users_file_is_replaced_where_that_is_permitted() {
    let (directory, fit) = unprivileged();
    if fs::metadata(directory.0.path()).unwrap().uid() != 0 {
        eprintln!("NOT TESTED: the tests own all files");
        return;
    }
    let theirs = place(&directory, "theirs", (NOBODY, 0o755), (0, 0o4666));
    succeed(&mut fit("theirs/m.json"));
    let after = fs::metadata(&theirs).unwrap();
    // Its owner could not be kept, and no other lends rights.
    assert_eq!((after.uid(), after.mode() & 0o7777), (NOBODY, 0o666));
    // As in `/tmp`.
    let sticky = place(&directory, "sticky", (0, 0o1777), (0, 0o666));
    refuse(&mut fit("sticky/m.json"), &["cannot write sticky/m.json: it belongs to another user"]);
    assert_eq!(read(&sticky), "an earlier model");
    assert_eq!(files(&directory.0.path().join("sticky")), ["m.json"]);
}

#[test]
fn output_that_is_an_input_is_refused() {
    let directory = Directory::new();
    let csv = fs::read(data("breast_cancer.csv")).unwrap();
    let (data, model) = (directory.file("x.csv", &csv), directory.file("m.json", model()));
    symlink("x.csv", directory.path("link")).unwrap();
    fs::hard_link(&data, directory.path("hard")).unwrap();
    symlink(".", directory.path("here")).unwrap();
    let there = files(directory.0.path());
    let before = (fs::read(&data).unwrap(), fs::read(&model).unwrap());
    for (input, output) in [
        ("fit x.csv --label 0 --model x.csv", "x.csv"),
        ("fit x.csv --label 0 --model ./here/x.csv", "./here/x.csv"),
        ("fit x.csv --label 0 --model link", "link"),
        ("fit link --label 0 --model hard", "hard"),
        ("fit x.csv --label 0 --model - >> x.csv", "to standard output"),
        ("fit x.csv --label 0 --model /dev/stdout >> x.csv", "/dev/stdout"),
        ("fit x.csv --label 0 --model /dev/fd/3 3>> hard", "/dev/fd/3"),
        ("fit - --label 0 --model x.csv < x.csv", "x.csv"),
        ("fit /dev/stdin --label 0 --model x.csv < hard", "x.csv"),
        // The summary would go there.
        ("fit x.csv --label 0 --model new.json >> x.csv", "to standard output"),
        ("predict x.csv --model m.json --out x.csv", "x.csv"),
        ("predict x.csv --model m.json --out ./m.json", "./m.json"),
        ("predict x.csv --model m.json >> x.csv", "to standard output"),
        ("predict x.csv --model m.json >> m.json", "to standard output"),
        ("predict - --model m.json --out - < x.csv >> x.csv", "to standard output"),
        ("convert x.csv x.csv", "x.csv"),
        ("convert - hard < x.csv", "hard"),
        ("convert x.csv new.npy >> x.csv", "to standard output"),
        ("bench --from m.json --json m.json", "m.json"),
        ("bench --from m.json --csv here/m.json", "here/m.json"),
        ("bench --compare m.json --json m.json", "m.json"),
        ("bench --from m.json >> m.json", "to standard output"),
    ] {
        let message = format!("error: cannot write {output}: it is the same file as the input ");
        refuse(&mut shell(&directory, &format!("\"$LANEGRAD\" {input}")), &[&message]);
        assert!(before == (fs::read(&data).unwrap(), fs::read(&model).unwrap()), "{input}");
        assert_eq!(files(directory.0.path()), there, "{input}");
    }
    // What is printed would be lost with the file that is replaced.
    let script = "echo first > out; fit ./out >> out";
    refuse(&mut shell(&directory, script), &["cannot write ./out: standard output goes there"]);
    assert_eq!(read(directory.path("out")), "first\n");
    // A pipe or a device is no file that could be overwritten.
    succeed(&mut shell(&directory, "cat x.csv | \"$LANEGRAD\" predict - --model m.json | cat"));
    succeed(&mut shell(&directory, "\"$LANEGRAD\" predict x.csv --model m.json --out /dev/null < /dev/null"));
}

#[test]
fn a_run_that_fails_changes_nothing() {
    let directory = Directory::new();
    let (old, model) = (directory.file("old.json", "an earlier model"), directory.file("m.json", model()));
    fs::set_permissions(&old, PermissionsExt::from_mode(0o604)).unwrap();
    let before = fs::metadata(&old).unwrap();
    for name in ["old.json", "new.json"] {
        let path = directory.path(name);
        refuse(&mut lanegrad(["fit", "none.csv", "--label", "0", "--model", &path]), &["none.csv"]);
        refuse(&mut lanegrad(["predict", "none.csv", "--model", &model, "--out", &path]), &["none.csv"]);
        refuse(&mut lanegrad(["bench", "--from", "none.json", "--html", &path]), &["none.json"]);
        refuse(&mut lanegrad(["convert", "none.csv", &path]), &["none.csv"]);
        // It fails while the file is written.
        let late = directory.file("late.csv", "x\n1\nred\n");
        refuse(&mut lanegrad(["convert", &late, &path]), &["late.csv, line 3"]);
        fs::remove_file(late).unwrap();
    }
    let after = fs::metadata(&old).unwrap();
    assert_eq!(read(old), "an earlier model");
    assert_eq!((after.ino(), after.mode()), (before.ino(), before.mode()));
    assert_eq!(after.modified().unwrap(), before.modified().unwrap());
    assert_eq!(files(directory.0.path()), ["m.json", "old.json"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    let csv = data("breast_cancer.csv");
    refuse(&mut shell(&directory, "fit /dev/full"), &["cannot write /dev/full"]);
    succeed(&mut shell(&directory, "fit model.json"));
    refuse(
        &mut lanegrad(["predict", &csv, "--model", &model, "--out", "/dev/full"]),
        &["cannot write /dev/full"],
    );
    refuse(&mut lanegrad(["synth", "--rows", "99999", "/dev/full"]), &["cannot write /dev/full"]);
    refuse(&mut lanegrad(["convert", &csv, "/dev/full"]), &["cannot write /dev/full", "it must be a file"]);
    for command in ["--help", "info", "predict \"$DATA\" --model model.json"] {
        let script = format!("\"$LANEGRAD\" {command} > /dev/full");
        refuse(&mut shell(&directory, &script), &["cannot write to standard output"]);
    }
    assert_eq!(files(directory.0.path()), ["model.json"]);
}
