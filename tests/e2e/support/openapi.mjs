// The server's own OpenAPI document as the source of tests: its operations, whether a value is what
// a schema says, values that are, and values that certainly are not.
import fc from "fast-check";

const pathParameters = (parameters) => parameters.filter((parameter) => parameter.in === "path");

export function operationsOf(document) {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path.replace("/api/v1", "")}`,
      method: method.toUpperCase(),
      path,
      safe: method === "get",
      signedIn:
        operation.security.length > 0 &&
        !operation.security.some((s) => Object.keys(s).length === 0),
      knowsTokens: operation.security.length > 0,
      admin: operation["x-required-role"] === "admin",
      statuses: Object.keys(operation.responses).map(Number),
      keyed: (operation.parameters ?? []).some(({ name }) => name === "Idempotency-Key"),
      parameters: pathParameters(operation.parameters ?? []),
      query: (operation.parameters ?? []).filter((parameter) => parameter.in === "query"),
      body: operation.requestBody?.content["application/json"].schema,
      answers: Object.fromEntries(
        Object.entries(operation.responses).map(([status, response]) => [
          status,
          response.content?.["application/json"]?.schema,
        ]),
      ),
    })),
  );
}

const lengthOf = (text) => [...text].length;

// Why the value is not what the schema says; undefined when it is.
export function mismatch(document, schema, value, at = "") {
  const no = (what) => `${at || "/"}: ${what}, not ${JSON.stringify(value)?.slice(0, 80)}`;
  if (schema.$ref) {
    const name = schema.$ref.slice("#/components/schemas/".length);
    return mismatch(document, document.components.schemas[name], value, at);
  }
  if (schema.anyOf)
    return schema.anyOf.some((choice) => mismatch(document, choice, value, at) === undefined)
      ? undefined
      : no("one of the choices");
  if (schema.enum && !schema.enum.includes(value)) return no(`one of ${schema.enum}`);
  switch (schema.type) {
    case "null":
      return value === null ? undefined : no("null");
    case "boolean":
      return typeof value === "boolean" ? undefined : no("a boolean");
    case "integer":
      if (!Number.isInteger(value)) return no("an integer");
      return value >= (schema.minimum ?? -Infinity) && value <= (schema.maximum ?? Infinity)
        ? undefined
        : no("in range");
    case "number":
      return typeof value === "number" ? undefined : no("a number");
    case "string":
      if (typeof value !== "string") return no("a text");
      if (lengthOf(value) < (schema.minLength ?? 0)) return no("longer");
      if (lengthOf(value) > (schema.maxLength ?? Infinity)) return no("shorter");
      if (schema.pattern && !new RegExp(schema.pattern, "u").test(value)) return no(schema.pattern);
      if (schema.format === "date-time" && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value))
        return no("a time with milliseconds");
      return undefined;
    case "array":
      if (!Array.isArray(value)) return no("a list");
      if (value.length > (schema.maxItems ?? Infinity)) return no("fewer items");
      return value
        .map((item, i) => mismatch(document, schema.items, item, `${at}/${i}`))
        .find((found) => found !== undefined);
    case "object": {
      if (typeof value !== "object" || value === null || Array.isArray(value))
        return no("an object");
      for (const name of schema.required ?? []) if (!(name in value)) return no(`with ${name}`);
      return Object.entries(value)
        .map(([name, member]) => {
          const known = schema.properties?.[name] ?? schema.additionalProperties;
          return known ? mismatch(document, known, member, `${at}/${name}`) : undefined;
        })
        .find((found) => found !== undefined);
    }
    default:
      return no(`a schema this test understands (${JSON.stringify(schema)})`);
  }
}

// Whole characters that NFC leaves alone and no rule trims.
const letters = fc.constantFrom(..."abcXYZ059_가나다힣마당");
const anything = fc.constantFrom(..."abc XYZ059,.!?%'\"\\/<>&;가나다힣 마당👩🎪é中");

// Edges first: most mistakes are made there.
const edges = (low, high) =>
  fc.oneof(
    fc.constantFrom(...new Set([low, Math.min(low + 1, high), high])),
    fc.integer({ min: low, max: high }),
  );

function text(schema) {
  const [least, most] = [schema.minLength ?? 0, Math.min(schema.maxLength ?? 200, 2000)];
  if (schema.format === "email")
    return fc
      .tuple(fc.stringMatching(/^[a-z0-9]{12}$/), edges(0, 180))
      .map(([name, n]) => `${name}@${"d".repeat(n % 60)}x.example`);
  // To come: what a request says of time is until when.
  if (schema.format === "date-time")
    return fc
      .integer({ min: Date.parse("2030-01-01T00:00:00Z"), max: Date.parse("2090-01-01T00:00:00Z") })
      .map((time) => new Date(time).toISOString());
  const units = schema.pattern ? letters : anything;
  return edges(least, most).chain((length) =>
    fc.array(units, { minLength: length, maxLength: length }).map((characters) => {
      // White space at an end may be trimmed, and then the length is another.
      if (characters.length > 0 && !schema.pattern)
        characters[0] = characters[characters.length - 1] = "가";
      return characters.join("");
    }),
  );
}

// What the schema calls acceptable.
export function valid(document, schema) {
  if (schema.$ref)
    return valid(document, document.components.schemas[schema.$ref.split("/").pop()]);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((choice) => valid(document, choice)));
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
      return edges(schema.minimum ?? 0, schema.maximum ?? 1000);
    case "string":
      return text(schema);
    case "array":
      return fc.array(valid(document, schema.items), { maxLength: schema.maxItems ?? 5 });
    case "object":
      return fc.record(
        Object.fromEntries(
          Object.entries(schema.properties ?? {}).map(([name, member]) => [
            name,
            valid(document, member),
          ]),
        ),
        { requiredKeys: schema.required ?? [] },
      );
    default:
      throw new Error(`valid(): ${JSON.stringify(schema)}`);
  }
}

const wrongTypes = {
  string: [0, 1.5, true, [], {}, ["a"]],
  integer: ["1", 1.5, true, [], {}, 1e300, -1e300, "9007199254740993"],
  number: ["1", true, [], {}],
  boolean: ["true", 0, 1, [], {}],
  array: ["", {}, 1, true],
  object: ["", [], 1, true],
};

// Values that the schema certainly refuses, as [what is wrong, value].
function faultsOf(document, schema) {
  if (schema.$ref)
    return faultsOf(document, document.components.schemas[schema.$ref.split("/").pop()]);
  if (schema.anyOf) {
    const choice = schema.anyOf.find((some) => some.type !== "null");
    return faultsOf(document, choice).filter(([, value]) => value !== null);
  }
  const found = wrongTypes[schema.type].map((value) => ["wrong type", value]);
  found.push(["null", null]);
  if (schema.enum) return [...found, ["not of the list", "nothing of the kind"], ["empty", ""]];
  if (schema.type === "integer") {
    if (schema.maximum !== undefined) found.push(["too large", schema.maximum + 1]);
    if (schema.minimum !== undefined) found.push(["too small", schema.minimum - 1]);
  }
  if (schema.type === "string") {
    for (const bad of ["\u0000", "\u001b[0m", "\u007f", "\u0008"])
      found.push(["control character", `가가가가${bad}가가가가`]);
    if (schema.maxLength)
      found.push(["too long", "가".repeat(schema.maxLength + 1)], ["huge", "a".repeat(60_000)]);
    if (schema.minLength) found.push(["too short", "가".repeat(schema.minLength - 1)]);
    if (schema.minLength && schema.format !== "password")
      found.push(["blank", " \n".repeat(schema.minLength)]);
    if (schema.pattern)
      found.push(["pattern", "a b"], ["pattern", "имя"], ["pattern", "a-b"], ["pattern", "👩👩"]);
    if (schema.format === "email")
      for (const bad of ["a", "a@b", "@b.c", "a@@b.c", "a b@c.de", "a@b..c"])
        found.push(["no e-mail", bad]);
    if (schema.format === "date-time")
      for (const bad of ["", "now", "2030-13-01T00:00:00Z", "2030-01-01", "1893456000"])
        found.push(["no time", bad]);
  }
  if (schema.type === "array") {
    found.push(
      ["too many", Array((schema.maxItems ?? 100) + 1).fill(1)],
      ["far too many", Array(20_000).fill(1)],
    );
    found.push(
      ...faultsOf(document, schema.items).map(([what, value]) => [`item: ${what}`, [value]]),
    );
  }
  return found;
}

// A body with one thing certainly wrong: {what, value}.
export function faults(document, schema) {
  const object = schema.$ref ? document.components.schemas[schema.$ref.split("/").pop()] : schema;
  const wrong = [
    ...wrongTypes.object.map((value) => ({ what: "not an object", value: () => value })),
    { what: "null", value: () => null },
  ];
  for (const name of object.required ?? [])
    wrong.push({
      what: `${name} is missing`,
      value: (body) => Object.fromEntries(Object.entries(body).filter(([key]) => key !== name)),
    });
  for (const [name, member] of Object.entries(object.properties ?? {}))
    for (const [what, value] of faultsOf(document, member))
      wrong.push({ what: `${name}: ${what}`, value: (body) => ({ ...body, [name]: value }) });
  return fc
    .tuple(fc.constantFrom(...wrong), valid(document, object))
    .map(([{ what, value }, body]) => ({ what, value: value(body) }));
}

// One query parameter with a value it certainly does not take: [name, text].
export function queryFaults(parameters) {
  const wrong = parameters.flatMap(({ name, schema }) => {
    if (schema.enum)
      return [
        [name, "nothing"],
        [name, ""],
        [name, "%ff"],
      ];
    if (schema.type === "integer") {
      const values = [
        "x",
        "",
        "1.5",
        "1e2",
        "+1",
        "0x10",
        "%201",
        "%00",
        "%ff",
        "9".repeat(30),
        "--1",
      ];
      if (schema.minimum !== undefined) values.push(schema.minimum - 1);
      if (schema.maximum !== undefined) values.push(schema.maximum + 1);
      return values.map((value) => [name, String(value)]);
    }
    if (schema.type === "boolean")
      return ["x", "", "2", "yes", "%ff"].map((value) => [name, value]);
    if (name === "cursor")
      return ["x", "", "AAAA", "%00", "%ff", "%", "a".repeat(3000)].map((value) => [name, value]);
    if (schema.maxLength)
      return [
        [name, encodeURIComponent("가".repeat(schema.maxLength + 1))],
        [name, "%ff"],
        [name, ""],
      ];
    return [
      [name, "%ff"],
      [name, "%00"],
      [name, "%"],
    ];
  });
  return wrong.length > 0 ? fc.constantFrom(...wrong) : undefined;
}
