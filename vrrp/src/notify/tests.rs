use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

use super::child::Running;
use super::*;

/// So long that only a hang reaches it.
const HANG: Duration = Duration::from_secs(20);

/// A command in a shell's language: the notice's arguments are `$1` to `$4`.
fn shell(script: &str, timeout: Duration) -> Arc<Notify> {
    let command = ["/bin/sh", "-c", script, "notify"].map(str::to_owned).to_vec();
    Arc::new(Notify { command, timeout })
}

fn notice(word: Word) -> Notice {
    Notice { name: "dns vip".to_owned(), word, priority: Priority(100) }
}

fn notifier() -> (Notifier, Receiver<Report>) {
    let (ended, ends) = channel();
    (Notifier::spawn(move |report| ended.send(report).unwrap()).unwrap(), ends)
}

fn end(notify: &Arc<Notify>) -> End {
    let (notifier, ends) = notifier();
    notifier.notify(notify, notice(Word::Master));
    ends.recv_timeout(HANG).unwrap().end
}

#[test]
fn the_arguments_are_those_of_keepalived() {
    let check = r#"[ "$#|$1|$2|$3|$4" = "4|INSTANCE|dns vip|MASTER|100" ]"#;
    assert!(matches!(end(&shell(check, HANG)), End::Succeeded));
}

#[test]
fn commands_run_one_after_another_in_the_order_of_the_transitions() {
    let (notifier, ends) = notifier();
    let slow_first = shell(r#"[ "$3" = BACKUP ] || sleep 0.05"#, HANG);
    for word in [Word::Master, Word::Backup, Word::Fault, Word::Stop] {
        notifier.notify(&slow_first, notice(word));
    }
    let words = ends.iter().take(4).map(|report| report.notice.word.to_string());
    assert_eq!(words.collect::<Vec<_>>(), ["MASTER", "BACKUP", "FAULT", "STOP"]);
}

#[test]
fn a_failure_is_reported_with_its_status_and_its_first_line() {
    let failed = end(&shell("echo cannot reach the switch >&2; echo more >&2; exit 3", HANG));
    assert_eq!(failed.to_string(), "failed: exit status: 3: cannot reach the switch");
}

#[test]
fn a_command_that_says_much_is_not_held_up() {
    let end = end(&shell("head -c 300000 /dev/zero | tr '\\0' x >&2; exit 1", HANG));
    let End::Failed { status, said } = end else { panic!("{end:?}") };
    assert_eq!((status.code(), said.len()), (Some(1), 240));
}

#[test]
fn a_command_that_outlives_its_time_is_killed() {
    let timeout = Duration::from_millis(10);
    let end = end(&shell("sleep 600", timeout));
    assert!(matches!(end, End::TimedOut(after) if after == timeout), "{end:?}");
}

#[test]
fn what_a_command_started_is_killed_with_it() {
    let fifo = std::env::temp_dir().join(format!("vrrp-notify-{}", std::process::id()));
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let fifo = fifo.to_str().unwrap();
    // A child in the background holds the fifo open until it dies.
    let script = format!("(echo started; exec sleep 600) > {fifo} & sleep 600");
    let command = ["/bin/sh", "-c", &script].map(str::to_owned);
    let running = Running::start(&command, &[]).unwrap();
    let mut reader = BufReader::new(File::open(fifo).unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "started\n");
    assert!(matches!(running.wait(Duration::ZERO).unwrap(), End::TimedOut(Duration::ZERO)));
    assert_eq!(reader.read_line(&mut line).unwrap(), 0);
    std::fs::remove_file(fifo).unwrap();
}

#[test]
fn a_command_in_the_background_does_not_hold_up_the_next() {
    assert!(matches!(end(&shell("sleep 1 >&2 & exit 0", HANG)), End::Succeeded));
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let notify = Notify { command: vec!["/nowhere/notify".to_owned()], timeout: HANG };
    let text = end(&Arc::new(notify)).to_string();
    assert!(text.starts_with("could not be run: /nowhere/notify: No such file"), "{text}");
}

#[test]
fn the_oldest_of_too_many_transitions_are_skipped_and_the_last_one_is_run() {
    let mut jobs = Jobs::default();
    let notify = shell("true", HANG);
    for priority in 0..=QUEUE {
        let priority = Priority(u8::try_from(priority).unwrap());
        let notice = Notice { priority, ..notice(Word::Backup) };
        jobs.push(Job { notify: notify.clone(), notice });
    }
    assert!(matches!(jobs.next(), Some(Next::Report(notice)) if notice.priority == Priority(0)));
    let last = jobs.waiting.back().unwrap();
    assert_eq!((jobs.waiting.len(), usize::from(last.notice.priority.0)), (QUEUE, QUEUE));
}

#[test]
fn the_end_comes_after_everything_that_was_queued() {
    let (notifier, ends) = notifier();
    notifier.notify(&shell("sleep 0.05", HANG), notice(Word::Backup));
    notifier.notify(&shell("exit 0", HANG), notice(Word::Stop));
    let (ended, end) = channel();
    notifier.finish(move || ended.send(()).unwrap());
    end.recv_timeout(HANG).unwrap();
    let words = ends.try_iter().map(|report| report.notice.word);
    assert_eq!(words.collect::<Vec<_>>(), [Word::Backup, Word::Stop]);
}

#[test]
fn a_signal_is_told_apart_from_a_status() {
    let end = end(&shell("kill -TERM $$", HANG));
    assert!(matches!(&end, End::Failed { status, .. } if status.signal() == Some(15)), "{end:?}");
}

#[test]
fn a_hand_over_is_not_told_before_it_is_over() {
    assert_eq!(Word::of(State::HandingOver), None);
    assert_eq!(Word::of(State::Initialize), Some(Word::Stop));
}
