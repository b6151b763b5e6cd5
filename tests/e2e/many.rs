//! Many sockets at once, and those of other namespaces, from the handlers of one.
//! That shards and nodes make no difference is `shards`' matter.

use parlor_server::{Answer, Gone};

use super::*;

fn two_shards(build: impl FnOnce(&mut Server)) -> Running {
    let mut config = Config::default();
    config.server.shards = 2;
    start(config, build)
}

fn join<const N: usize>(running: &Running) -> [WebSocket; N] {
    [(); N].map(|()| WebSocket::join(running.address()).unwrap())
}

/// Waits for a question, and the text that answers it with these arguments.
fn answer_of(socket: &mut WebSocket, args: &str) -> String {
    let question = socket.text().unwrap();
    let id = question.strip_prefix("42").unwrap().strip_suffix(r#"["question"]"#).unwrap();
    format!("43{id}{args}")
}

fn number(answer: &Answer) -> u32 {
    answer.answer.as_ref().unwrap().get(0).unwrap()
}

#[test]
fn an_async_context_reaches_many_sockets_as_a_sync_one_does() {
    let running = two_shards(|server| {
        server.namespace("/").on_async("do", |cx, _| async move {
            cx.everyone().sockets_join(["x", "y"]).await;
            cx.broadcast().sockets_leave("y").await;
            let found = cx.everyone().to("x").fetch_sockets().await.unwrap();
            let in_y: Vec<_> = found.iter().filter(|of| of.rooms.contains(&"y".into())).collect();
            assert_eq!((in_y.len(), in_y[0].id), (1, cx.id()));
            let answers = cx.to("x").ask("question", (), DEADLINE).await.unwrap();
            let mut numbers: Vec<u32> = answers.iter().map(number).collect();
            numbers.sort_unstable();
            assert!(answers.iter().all(|answer| answer.socket != cx.id()));
            cx.ack((found.len(), numbers)).await;
            cx.broadcast().disconnect_sockets(false).await;
        });
    });
    let [mut asker, mut one, mut two] = join(&running);
    asker.send(r#"421["do"]"#).unwrap();
    for (socket, args) in [(&mut one, "[1]"), (&mut two, "[2]")] {
        let answer = answer_of(socket, args);
        socket.send(&answer).unwrap();
    }
    assert_eq!(asker.text().unwrap(), "431[3,[1,2]]");
    assert_eq!([one.text().unwrap(), two.text().unwrap()], ["41", "41"]);
}

#[test]
fn one_that_asks_many_and_goes_first_hears_that_it_is_gone() {
    let running = two_shards(|server| {
        server
            .namespace("/")
            .on_async("ask", |cx, _| async move {
                let answers = cx.everyone().ask("question", (), Duration::MAX).await;
                assert_eq!(answers.unwrap_err(), Gone);
                cx.everyone().emit("gave up", ()).await;
            })
            .on_disconnect_async(|cx, _| async move {
                assert_eq!(cx.everyone().fetch_sockets().await.unwrap_err(), Gone);
                cx.everyone().emit("left", ()).await;
            });
    });
    let [mut asker, mut other] = join(&running);
    asker.send(r#"42["ask"]"#).unwrap();
    answer_of(&mut other, "[]");
    asker.send("41").unwrap();
    let mut texts = [other.text().unwrap(), other.text().unwrap()];
    texts.sort_unstable();
    assert_eq!(texts, [r#"42["gave up"]"#, r#"42["left"]"#]);
    wait_for_metric(running.address(), "parlor_handler_panics_total 0");
}

#[test]
fn a_question_of_many_without_end_ends_with_its_answers_and_harms_nothing() {
    let running = two_shards(|server| {
        echo(server);
        server
            .namespace("/")
            .on("sync", |cx, _| {
                let ack = cx.take_ack().unwrap();
                cx.broadcast().ask("question", (), Duration::MAX, |cx, answers| {
                    ack.send(cx, (number(&answers[0]),));
                });
            })
            .on_async("async", |cx, _| async move {
                let answers = cx.broadcast().ask("question", (), Duration::MAX).await.unwrap();
                cx.ack((number(&answers[0]),)).await;
            });
    });
    let [mut asker, mut other] = join(&running);
    for event in [r#"421["sync"]"#, r#"421["async"]"#] {
        asker.send(event).unwrap();
        let answer = answer_of(&mut other, "[7]");
        assert_echoes(&mut other);
        other.send(&answer).unwrap();
        assert_eq!(asker.text().unwrap(), "431[7]");
    }
    let [mut third] = join(&running);
    assert_echoes(&mut third);
}

#[test]
fn a_handler_reaches_sockets_of_another_namespace() {
    let running = two_shards(|server| {
        server.namespace("/news").on_connect(|cx| {
            cx.join("sport");
            cx.in_namespace("/").emit("reader", ());
        });
        server
            .namespace("/")
            .on("sync", |cx, _| {
                let own = cx.namespace().to_owned();
                cx.in_namespace("/news").to("sport").emit("goal", (own,));
            })
            .on_async("async", |cx, _| async move {
                cx.in_namespace("/news").to("weather").emit("rain", ()).await;
                let found = cx.in_namespace("/news").fetch_sockets().await.unwrap();
                cx.in_namespace("/news").to("sport").emit("match", (found.len(),)).await;
            })
            .on("unknown", |cx, _| cx.in_namespace("/nowhere").emit("e", ()));
    });
    let [mut writer, mut reader] = join(&running);
    reader.send("40/news,").unwrap();
    assert_eq!(writer.text().unwrap(), r#"42["reader"]"#);
    let mut texts = [reader.text().unwrap(), reader.text().unwrap()];
    texts.sort_unstable();
    assert!(texts[0].starts_with("40/news,{") && texts[1] == r#"42["reader"]"#, "{texts:?}");
    writer.send(r#"42["sync"]"#).unwrap();
    assert_eq!(reader.text().unwrap(), r#"42/news,["goal","/"]"#);
    writer.send(r#"42["async"]"#).unwrap();
    assert_eq!(reader.text().unwrap(), r#"42/news,["match",1]"#);
    writer.send(r#"42["unknown"]"#).unwrap();
    assert_eq!(writer.text().unwrap(), "41");
    wait_for_metric(running.address(), "parlor_handler_panics_total 1");
}
