// Events and acknowledgements in both directions (A8, A10.70).

import { check, equal, oneOf, that } from "../harness.mjs";
import { join, staysSilent } from "./connection.mjs";

export function eventCases(server, transport) {
  const open = (t, nsp) => join(t, server, transport, nsp);

  check("a message comes back with its arguments", async (t) => {
    const connection = await open(t);
    await connection.send('2["message",1,"2",{"3":[true]}]');
    equal(await connection.next(), '2["message-back",1,"2",{"3":[true]}]', "the echo");
  });

  check("a message without arguments comes back without", async (t) => {
    const connection = await open(t);
    await connection.send('2["message"]');
    equal(await connection.next(), '2["message-back"]', "the echo");
  });

  check("every kind of JSON comes back", async (t) => {
    const connection = await open(t);
    const args = [
      null,
      true,
      false,
      0,
      -1,
      1.5,
      1e21,
      1e-7,
      9007199254740991,
      "",
      'a"b\\c\n\t\u0000',
      [],
      {},
      [[[[[1]]]]],
      { "": { é: "𝒳🦊", "a b": [] } },
      "\u2028\u2029\u007f\uffff",
      "</script>",
    ];
    await connection.send(`2${JSON.stringify(["message", ...args])}`);
    equal(await connection.event("message-back"), args, "the arguments");
  });

  check("blanks in the JSON do not matter", async (t) => {
    const connection = await open(t);
    await connection.send('2[ "message" ,\n\t1 , { "a" : [ 2 ] } ] ');
    equal(await connection.event("message-back"), [1, { a: [2] }], "the arguments");
  });

  check("an event with an id is acknowledged with its arguments", async (t) => {
    const connection = await open(t);
    await connection.send('2456["message-with-ack",1,"2",{"3":[false]}]');
    equal(await connection.next(), '3456[1,"2",{"3":[false]}]', "the ack");
    await connection.send('20["message-with-ack"]');
    equal(await connection.next(), "30[]", "the ack of nothing");
  });

  check("an id may be as large as 2^53-1", async (t) => {
    const connection = await open(t);
    await connection.send('29007199254740991["message-with-ack",1]');
    equal(await connection.next(), "39007199254740991[1]", "the ack");
  });

  check("acks keep their ids, also when one id comes twice", async (t) => {
    const connection = await open(t);
    const ids = [5, 3, 5, 1000, 0];
    await connection.burst(ids.map((id) => `2${id}["message-with-ack",${id}]`));
    for (const id of ids) equal(await connection.next(), `3${id}[${id}]`, "the ack");
  });

  check("/custom has its own events and acks", async (t) => {
    const connection = await open(t, "/custom");
    await connection.send('2/custom,["message","x"]');
    equal(await connection.next(), '2/custom,["message-back","x"]', "the echo");
    await connection.send('2/custom,12["message-with-ack","x"]');
    equal(await connection.next(), '3/custom,12["x"]', "the ack");
  });

  check("an event nobody listens to is ignored, whatever its name", async (t) => {
    const connection = await open(t);
    const names = [
      "nobody",
      "",
      "error",
      "connection",
      "__proto__",
      "constructor",
      "toString",
      "hasOwnProperty",
      "a".repeat(10_000),
      "é𝒳",
    ];
    for (const name of names) await connection.send(`2${JSON.stringify([name, 1])}`);
    await connection.echoes();
  });

  check("an event nobody listens to is not acknowledged", async (t) => {
    const connection = await open(t);
    await connection.send('28["nobody",1]');
    await connection.echoes();
  });

  check("a handler that wants to acknowledge and cannot does no harm", async (t) => {
    const connection = await open(t);
    for (const name of ["message-with-ack", "ask-back", "join", "leave", "room-send", "whoami"]) {
      await connection.send(`2["${name}"]`);
    }
    await connection.send('2["burst"]');
    await connection.send('2["burst","x"]');
    const seen = [];
    await connection.send('299["message-with-ack","last"]');
    do seen.push(await connection.next());
    while (!seen.at(-1).startsWith("399"));
    for (const packet of seen.slice(0, -1)) {
      that(/^2\d+\["question"/.test(packet), "what comes besides", "a question", packet);
    }
  });

  check("a number as event name is dispatched or closes", async (t) => {
    const connection = await open(t);
    await connection.send("2[1,2]");
    const outcome = await Promise.race([
      connection.ended.then(() => "closed"),
      connection
        .send('2["message",1]')
        .then(() => connection.next())
        .catch(() => "closed"),
    ]);
    oneOf(outcome, ["closed", '2["message-back",1]'], "the outcome");
  });

  check("an ack that was never asked for is ignored", async (t) => {
    const connection = await open(t);
    await connection.send("399[]");
    await connection.send('39007199254740991["x"]');
    await connection.send('30["x",{}]');
    await connection.echoes();
  });

  check("ask-back asks with an ack and gives the answer back", async (t) => {
    const connection = await open(t);
    await connection.send('21["ask-back",{"how":"are you"}]');
    const question = await connection.packet();
    equal([question.type, question.data], [2, ["question", { how: "are you" }]], "the question");
    that(Number.isInteger(question.id), "the id of the question", "a number", question.id);
    await connection.send(`3${question.id}["fine"]`);
    equal(await connection.packet(), { type: 3, nsp: "/", id: 1, data: ["fine"] }, "the ack");
  });

  check("questions may be answered in any order, and each answer counts once", async (t) => {
    const connection = await open(t);
    await connection.burst([0, 1, 2, 3].map((i) => `2${i}["ask-back",${i}]`));
    const questions = [];
    while (questions.length < 4) questions.push(await connection.packet());
    equal(new Set(questions.map((question) => question.id)).size, 4, "different ids");
    for (const { id, data } of questions.reverse()) {
      await connection.send(`3${id}["answer ${data[1]}"]`);
      await connection.send(`3${id}["again"]`);
      const ack = { type: 3, nsp: "/", id: data[1], data: [`answer ${data[1]}`] };
      equal(await connection.packet(), ack, "the ack");
    }
    await connection.echoes();
  });

  check("questions to two clients do not mix", async (t) => {
    const [one, two] = [await open(t), await open(t)];
    await one.send('21["ask-back","one"]');
    await two.send('22["ask-back","two"]');
    const [first, second] = [await one.packet(), await two.packet()];
    await two.send(`3${second.id}["from two"]`);
    await one.send(`3${first.id}["from one"]`);
    equal((await one.packet()).data, ["from one"], "the ack of the first");
    equal((await two.packet()).data, ["from two"], "the ack of the second");
  });

  check("an answer by another client than the one asked is ignored", async (t) => {
    const [one, two] = [await open(t), await open(t)];
    await one.send('21["ask-back","one"]');
    const question = await one.packet();
    await two.send(`3${question.id}["forged"]`);
    await two.echoes();
    await one.send(`3${question.id}["true"]`);
    equal((await one.packet()).data, ["true"], "the ack");
  });

  check("a burst of a thousand comes in order", async (t) => {
    const connection = await open(t);
    await connection.send('2["burst",1000]');
    for (let i = 0; i < 1_000; i++) equal(await connection.next(), `2["burst",${i}]`, "the event");
    await connection.echoes();
  });

  check("a burst and echoes keep their order", async (t) => {
    const connection = await open(t);
    await connection.burst([
      '2["message","before"]',
      '2["burst",50]',
      '21["message-with-ack","after"]',
    ]);
    equal(await connection.next(), '2["message-back","before"]', "before the burst");
    for (let i = 0; i < 50; i++) equal(await connection.next(), `2["burst",${i}]`, "the event");
    equal(await connection.next(), '31["after"]', "after the burst");
  });

  check("a hundred events in one burst come back in order", async (t) => {
    const connection = await open(t);
    await connection.burst(Array.from({ length: 100 }, (_, i) => `2["message",${i}]`));
    for (let i = 0; i < 100; i++)
      equal(await connection.next(), `2["message-back",${i}]`, "the echo");
  });

  check("whoami tells id, transport and that nothing was recovered", async (t) => {
    const connection = await open(t);
    await connection.send('21["whoami"]');
    const expected = { id: connection.socketId, transport: connection.transport, recovered: false };
    equal((await connection.packet()).data, [expected], "the ack");
  });

  check("clients do not hear each other", async (t) => {
    const [one, two] = [await open(t), await open(t)];
    await one.send('2["message","mine"]');
    equal(await one.next(), '2["message-back","mine"]', "the echo");
    await staysSilent(two, "what the other heard", 20);
  });
}
