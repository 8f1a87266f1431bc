use super::*;

const EVERY: Duration = Duration::from_millis(200);
const LIMITS: Limits = Limits { every: EVERY, fall: 2, rise: 3 };

/// Events by a letter each: answered, failed, overloaded, stuck, no result.
fn round(letter: char) -> Round {
    let on_time = Round {
        finding: Finding::Answered,
        late: Duration::ZERO,
        others_answered: false,
        stuck: None,
    };
    match letter {
        'a' => on_time,
        'f' => Round { finding: Finding::Silent("silent".into()), ..on_time },
        'w' => Round { finding: Finding::Wrong("wrong".into()), ..on_time },
        'o' => Round { others_answered: true, ..round('f') },
        's' => Round { stuck: Some(1), ..on_time },
        'n' => Round { finding: Finding::NoResult("absent".into()), ..on_time },
        _ => panic!("no such event: {letter}"),
    }
}

fn after(events: &str) -> Question {
    let mut question = Question::new(LIMITS, ServiceState::default());
    events.chars().for_each(|letter| question.handle_round(round(letter)));
    question
}

#[test]
fn every_event_in_every_state() {
    use Answering::{No, Unknown, Yes};
    // How a state is reached, and what it is after one more event: a, f, w, o, s, n.
    for (reached, state, then) in [
        ("", Unknown, [Yes, Unknown, Unknown, Unknown, No, Unknown]),
        ("f", Unknown, [Yes, No, No, Unknown, No, Unknown]),
        ("a", Yes, [Yes, Yes, Yes, Yes, No, Yes]),
        ("af", Yes, [Yes, No, No, Yes, No, Yes]),
        ("aw", Yes, [Yes, No, No, Yes, No, Yes]),
        ("ff", No, [No; 6]),
        ("ffa", No, [No; 6]),
        ("ffaa", No, [Yes, No, No, No, No, No]),
    ] {
        assert_eq!(after(reached).state().answering, state, "{reached:?}");
        for (letter, expected) in "afwosn".chars().zip(then) {
            let mut question = after(reached);
            question.handle_round(round(letter));
            assert_eq!(question.state().answering, expected, "{reached:?} then {letter}");
        }
    }
}

#[test]
fn failures_and_answers_count_in_a_row_and_no_result_is_neither() {
    use Answering::{No, Yes};
    for (events, expected) in [
        // Any answer ends a row of failures; so does an answer to anybody else.
        ("afafaf", Yes),
        ("afof", Yes),
        ("afoff", No),
        // What says nothing interrupts nothing.
        ("afnnf", No),
        ("annnnnn", Yes),
        ("ffanana", Yes),
        // A failure or a flood starts the way back anew.
        ("ffaafa", No),
        ("ffaaoaa", No),
        ("ffaaoaaa", Yes),
        // A stuck thread needs no second look, and the way back is the same.
        ("asaa", No),
        ("asaaa", Yes),
        // A flood alone never becomes a failure.
        ("aoooooooooooooooo", Yes),
    ] {
        assert_eq!(after(events).state().answering, expected, "{events}");
    }
}

#[test]
fn the_failure_that_holds_now_is_told_and_forgotten_with_the_last_answer_needed() {
    for (events, failure) in [
        ("af", None),
        ("aff", Some("silent")),
        ("affw", Some("wrong")),
        ("affs", Some("thread udp-1 is stuck")),
        ("affn", Some("silent")),
        ("affaa", Some("silent")),
        ("affaaa", None),
    ] {
        assert_eq!(after(events).state().failure.as_deref(), failure, "{events}");
    }
}

#[test]
fn alarms_rise_after_fall_and_end_after_rise() {
    for (events, overloaded, no_result) in [
        ("ao", false, false),
        ("aoo", true, false),
        ("aono", true, false),
        ("aooaa", true, false),
        ("aooaoaa", true, false),
        ("aooaaa", false, false),
        ("an", false, false),
        ("ann", false, true),
        ("annfa", false, true),
        ("annaaa", false, false),
        ("nn", false, true),
    ] {
        let state = after(events).state();
        let raised = (state.overloaded.is_some(), state.no_result.is_some());
        assert_eq!(raised, (overloaded, no_result), "{events}");
    }
}

#[test]
fn tcp_raises_an_alarm_and_nothing_else() {
    let mut question = after("a");
    for (finding, failing) in [
        (Finding::Silent("slow".into()), None),
        (Finding::NoResult("absent".into()), None),
        (Finding::Wrong("refused".into()), Some("refused")),
        (Finding::Silent("slow".into()), Some("slow")),
        (Finding::Answered, Some("slow")),
        (Finding::Answered, Some("slow")),
        (Finding::Answered, None),
    ] {
        question.handle_tcp(finding.clone());
        let state = question.state();
        assert_eq!(state.tcp_failing.as_deref(), failing, "{finding:?}");
        assert_eq!(state.answering, Answering::Yes);
    }
}

#[test]
fn a_round_is_judged_by_its_circumstances() {
    let half = EVERY / 2;
    let late = half + Duration::from_millis(1);
    let slept = "the asker was woken too late to judge";
    for (letter, late, expected) in [
        ('a', half, Event::Answered),
        ('a', late, Event::NoResult(slept.into())),
        ('f', half, Event::Failed("silent".into())),
        ('f', late, Event::NoResult(slept.into())),
        ('w', late, Event::NoResult(slept.into())),
        ('s', late, Event::NoResult(slept.into())),
        ('o', half, Event::Overloaded("silent".into())),
        ('o', late, Event::NoResult(slept.into())),
        ('n', half, Event::NoResult("absent".into())),
    ] {
        let round = Round { late, ..round(letter) };
        assert_eq!(round.event(EVERY), expected, "{letter}, {late:?} late");
    }
    let stuck_and_absent = Round { stuck: Some(0), ..round('n') };
    assert_eq!(stuck_and_absent.event(EVERY), Event::Stuck("thread udp-0 is stuck".into()));
    // A wrong answer is no sign of a flood.
    let wrong = Round { others_answered: true, ..round('w') };
    assert_eq!(wrong.event(EVERY), Event::Failed("wrong".into()));
}

#[test]
fn of_several_findings_the_worst_counts_and_of_equals_the_first() {
    let [silent, wrong] = [Finding::Silent("1".into()), Finding::Wrong("2".into())];
    let absent = Finding::NoResult("3".into());
    let ladder = [Finding::Answered, absent, silent, wrong];
    for (low, better) in ladder.iter().enumerate() {
        for (high, worse) in ladder.iter().enumerate() {
            let expected = if high > low { worse } else { better };
            assert_eq!(better.clone().worse(worse.clone()), *expected);
        }
    }
    let [first, second] = ["1", "2"].map(|text| Finding::Silent(text.into()));
    assert_eq!(first.clone().worse(second), first);
}

#[test]
fn a_service_asked_otherwise_keeps_its_verdict() {
    for events in ["aff", "a", "aoo", "nn"] {
        let state = after(events).state();
        let other = Limits { fall: 5, ..LIMITS };
        assert_eq!(Question::new(other, state.clone()).state(), state, "{events}");
    }
    let never = Service {
        name: "vip".into(),
        addresses: Vec::new(),
        every: EVERY,
        timeout: EVERY,
        fall: 0,
        rise: 0,
    };
    assert_eq!(Limits::of(&never), Limits { every: EVERY, fall: 1, rise: 1 });
}
