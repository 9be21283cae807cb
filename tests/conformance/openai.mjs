// The openai SDK: list, chat, stream, use a tool; by both of its APIs.
import OpenAI from "openai";
import assert from "node:assert/strict";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.TOKEN });
const model = "echo";
const user = (content) => [{ role: "user", content }];
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

const listed = [];
for await (const one of client.models.list()) listed.push(one.id);
assert.deepEqual(listed, [model]);

const done = await client.chat.completions.create({ model, messages: user("hello") });
assert.equal(done.choices[0].message.content, "You said: hello");

let text = "";
for await (const chunk of await client.chat.completions.create({ model, messages: user("hello"), stream: true }))
  text += chunk.choices[0]?.delta?.content ?? "";
assert.equal(text, "You said: hello");

const runner = client.chat.completions.runTools({
  model,
  messages: user("weather please"),
  stream: true,
  tools: [{ type: "function", function: {
    name: "get_weather", description: "The weather in a city.", parameters,
    parse: JSON.parse, function: ({ city }) => `sunny, says ${city}` } }],
});
assert.equal(await runner.finalContent(), "It is sunny, says Prague in Prague.");

const tools = [{ type: "function", name: "get_weather", parameters, strict: false }];
const asked = await client.responses.stream({ model, input: "weather please", tools }).finalResponse();
assert.equal(asked.output[0].type, "function_call");
const told = await client.responses.create({
  model, tools, previous_response_id: asked.id,
  input: [{ type: "function_call_output", call_id: asked.output[0].call_id, output: "sunny" }],
});
assert.equal(told.output_text, "It is sunny in Prague.");
