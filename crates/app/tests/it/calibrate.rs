use crate::run::{scratch_file, secondsource};

/// The fit itself takes long and is tested where it is made; this is about the command around it.
#[test]
fn a_bad_table_writes_nothing() {
    let table = scratch_file("calibrate-bad", "runs.csv", "not,a,run,table\n1,2,3,4\n");
    let target = table.replace("runs.csv", "fitted.toml");
    let ran = secondsource(&["calibrate", "--runs", &table, "--write", &target]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("runs.csv"), "{}", ran.stderr);
    assert!(!std::path::Path::new(&target).exists());
}
