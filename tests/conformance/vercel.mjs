// The Vercel AI SDK: chat, stream, use a tool; by its provider for OpenAI's API and by that for
// servers that are compatible with it. Neither has a call that lists models: they are asked for
// with what the SDK gives to who makes a provider, and chatted with by what came.
import { APICallError, customProvider, generateText, streamText, tool, stepCountIs } from "ai";
import { createJsonResponseHandler, createJsonErrorResponseHandler, getFromApi } from "@ai-sdk/provider-utils";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { z } from "zod";
import assert from "node:assert/strict";

const where = { baseURL: process.env.BASE_URL, apiKey: process.env.TOKEN };
const openai = createOpenAI(where);
const compatible = createOpenAICompatible({ ...where, name: "agentkit", includeUsage: true });

const { value: models } = await getFromApi({
  url: `${where.baseURL}/models`,
  headers: { Authorization: `Bearer ${where.apiKey}` },
  successfulResponseHandler: createJsonResponseHandler(
    z.object({ data: z.array(z.object({ id: z.string(), object: z.literal("model") })) })),
  failedResponseHandler: createJsonErrorResponseHandler({
    errorSchema: z.object({ error: z.object({ message: z.string() }) }),
    errorToMessage: ({ error }) => error.message }),
});
const listed = models.data.map((model) => model.id);
assert.deepEqual(listed, ["echo"]);
const provider = customProvider({
  languageModels: Object.fromEntries(listed.map((id) => [id, compatible(id)])) });

// Whoever guesses a model's name is told which there are.
await assert.rejects(generateText({ model: compatible("ecco"), prompt: "hello" }), (error) =>
  APICallError.isInstance(error) && error.statusCode === 404 && error.message.includes("echo"));

for (const model of [provider.languageModel(listed[0]), openai.chat("echo"), openai.responses("echo")]) {
  const done = await generateText({ model, prompt: "hello" });
  assert.equal(done.text, "You said: hello");
  assert.ok(done.usage.totalTokens > 0);

  const failed = [];
  const streamed = streamText({ model, prompt: "hello", onError: ({ error }) => failed.push(error) });
  let text = "";
  for await (const piece of streamed.textStream) text += piece;
  assert.deepEqual(failed, []);
  assert.equal(text, "You said: hello");

  const tools = { get_weather: tool({
    description: "The weather in a city.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `sunny, says ${city}` }) };
  const used = await generateText({ model, tools, prompt: "weather please", stopWhen: stepCountIs(3) });
  assert.equal(used.text, "It is sunny, says Prague in Prague.");
  assert.equal(used.steps.length, 2);
}
