import {
  type NarInfoAnswer,
  NarInfoResponder,
  narInfoHashPart,
} from "@firstmile/local/gate/http/narinforesponder";
import { afterEach, expect, test } from "vitest";
import { ask, closeAll, serve } from "./loopback.ts";

afterEach(closeAll);

const HASH = "0123456789abcdfghijklmnpqrsvwxyz";
const found = (text: string): NarInfoAnswer => ({ kind: "found", body: Buffer.from(text) });

async function start(decide: (hashPart: string) => Promise<NarInfoAnswer>, maxEntries?: number) {
  const responder = new NarInfoResponder(decide, maxEntries);
  const url = await serve((req, res) => void responder.respond(req.url!.slice(1), req, res));
  return { responder, url: `${url}/` };
}

test("a target is a hash part only in exactly that form", () => {
  expect(narInfoHashPart(`/${HASH}.narinfo`)).toBe(HASH);
  expect(narInfoHashPart(`/p/x/${HASH}.narinfo`, "/p/x/")).toBe(HASH);
  for (const bad of [
    `/${HASH}.narinfo?a`,
    `/${HASH}`,
    `//${HASH}.narinf`,
    `/${HASH.replace("0", "e")}.narinfo`,
    "",
  ]) {
    expect(narInfoHashPart(bad)).toBeUndefined();
  }
});

test("decides once for many clients and answers from memory afterwards", async () => {
  let asked = 0;
  const { url, responder } = await start(async () => {
    asked++;
    await new Promise((done) => setTimeout(done, 50));
    return found("StorePath: x\n");
  });
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(url + HASH)));
  answers.push(await ask(url + HASH));
  for (const { status, body } of answers) expect([status, body.toString()]).toEqual([200, "StorePath: x\n"]);
  expect([asked, responder.size]).toEqual([1, 1]);
  const head = await ask(url + HASH, "HEAD");
  expect([head.status, head.headers["content-length"], head.body.length]).toEqual([200, "13", 0]);
});

test("an absent path and a failing decision are 404 and asked again", async () => {
  let asked = 0;
  const { url } = await start(async () => {
    asked++;
    if (asked === 2) throw new Error("secret detail");
    return { kind: "absent", reason: "no rule\r\nfor: it" };
  });
  const first = await ask(url + HASH);
  expect([first.status, first.headers["x-firstmile-reason"]]).toEqual([404, "no rule??for: it"]);
  const second = await ask(url + HASH);
  expect(second.status).toBe(404);
  expect(second.headers["x-firstmile-reason"]).not.toContain("secret");
  await ask(url + HASH);
  expect(asked).toBe(3);
});

test.each(["clear", "forget"] as const)("what was under way at %s is decided again", async (how) => {
  let finishOld: (answer: NarInfoAnswer) => void = () => {};
  let started: () => void = () => {};
  const underWay = new Promise<void>((done) => {
    started = done;
  });
  let asked = 0;
  const { url, responder } = await start(() => {
    if (asked++ > 0) return Promise.resolve(found("new"));
    started();
    return new Promise((done) => {
      finishOld = done;
    });
  });
  const answer = ask(url + HASH);
  await underWay;
  if (how === "clear") responder.clear();
  else responder.forget(HASH);
  expect((await ask(url + HASH)).body.toString()).toBe("new");
  finishOld(found("old"));
  expect((await answer).body.toString()).toBe("new");
  expect((await ask(url + HASH)).body.toString()).toBe("new");
});

test("keeps no more than it may", async () => {
  const { url, responder } = await start(async (hashPart) => found(hashPart), 3);
  for (const path of ["a", "b", "c", "d", "d"]) await ask(url + path);
  expect(responder.size).toBe(3);
});
