// The API's reference, drawn from its OpenAPI document: no tool from elsewhere is loaded.

const METHODS = ["post", "get", "delete"];

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** The few marks that our descriptions use: paragraphs, **bold**, `code`, [text](link). */
function prose(text) {
  return text.trim().split(/\n{2,}/).map((paragraph) => {
    const node = element("p");
    for (const part of paragraph.split(/(\*\*[^*]+\*\*|`[^`]+`|\[[^\]]+\]\([^)]+\))/)) {
      const link = part.match(/^\[([^\]]+)\]\(([^)]+)\)$/);
      if (link) node.append(element("a", { href: link[2] }, link[1]));
      else if (part.startsWith("**")) node.append(element("strong", {}, part.slice(2, -2)));
      else if (part.startsWith("`")) node.append(element("code", {}, part.slice(1, -1)));
      else node.append(part);
    }
    return node;
  });
}

function resolve(document_, schema) {
  let found = schema ?? {};
  if (found.$ref) found = found.$ref.split("/").slice(1).reduce((node, key) => node[key], document_);
  return found;
}

function typeOf(document_, schema) {
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return options.map((option) => typeOf(document_, option)).join(" or ");
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${typeOf(document_, schema.items ?? {})}`;
  return schema.type ?? "any";
}

function row(name, type, text) {
  return element("tr", {}, element("th", { scope: "row" }, element("code", {}, name)), element("td", {}, element("code", {}, type)),
    element("td", {}, ...(text ? prose(text)[0].childNodes : [])));
}

function table(rows) {
  return element("div", { class: "scroll" }, element("table", { class: "parameters" }, element("tbody", {}, ...rows)));
}

function fields(document_, schema) {
  const { properties = {}, required = [] } = resolve(document_, schema);
  return Object.entries(properties).map(([name, property]) =>
    row(name, typeOf(document_, property), [required.includes(name) ? "Required." : "", property.description ?? ""].join(" ").trim()));
}

function requestPart(document_, operation) {
  const nodes = [];
  const parameters = operation.parameters ?? [];
  if (parameters.length) {
    nodes.push(element("h3", {}, "Parameters"), table(parameters.map((parameter) =>
      row(parameter.name, `${typeOf(document_, parameter.schema ?? {})} in ${parameter.in}`, parameter.description))));
  }
  const body = operation.requestBody?.content["application/json"];
  if (body) {
    nodes.push(element("h3", {}, "Body"), table(fields(document_, body.schema)));
    const example = Object.values(body.examples ?? {})[0];
    if (example) nodes.push(element("pre", {}, JSON.stringify(example.value, null, 2)));
  }
  return nodes;
}

function responses(document_, operation) {
  return Object.entries(operation.responses).flatMap(([status, response]) => {
    const schema = response.content?.["application/json"]?.schema;
    const rows = schema ? fields(document_, schema) : [];
    return [row(status, schema?.$ref ? schema.$ref.split("/").pop() : Object.keys(response.content ?? {})[0] ?? "", response.description), ...(rows.length ? [element("tr", {}, element("td", { colspan: "3", class: "inner" }, table(rows)))] : [])];
  });
}

function operationNode(document_, path, method, operation) {
  const node = element("details", { class: "card operation", id: operation.operationId },
    element("summary", {}, element("span", { class: "method", "data-method": method }, method.toUpperCase()), element("code", {}, path), element("span", {}, operation.summary ?? "")),
    ...prose(operation.description ?? ""), ...requestPart(document_, operation), element("h3", {}, "Answers"), table(responses(document_, operation)));
  node.open = location.hash === `#${operation.operationId}`;
  return node;
}

const openapi = await (await fetch("/openapi.json")).json();
document.getElementById("title").textContent = `${openapi.info.title} API`;
document.getElementById("lead").prepend(...prose(openapi.info.description));
document.getElementById("operations").append(...Object.entries(openapi.paths).flatMap(([path, operations]) =>
  METHODS.filter((method) => operations[method]).map((method) => operationNode(openapi, path, method, operations[method]))));
document.getElementById("objects").append(...Object.entries(openapi.components.schemas).map(([name, schema]) =>
  element("details", { class: "card operation" }, element("summary", {}, element("code", {}, name)), ...prose(schema.description ?? ""), table(fields(openapi, schema)))));
