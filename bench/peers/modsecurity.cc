// SPDX-License-Identifier: Apache-2.0
// libmodsecurity as a filter: requests come on standard input as numbers and texts, each text after its length; of each,
// one line says how long it took, and which rules matched. Usage: modsecurity FILE... (rules, in their order)

#include <modsecurity/modsecurity.h>
#include <modsecurity/rule_message.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <set>
#include <string>
#include <vector>

static std::set<int> matched;

static void onMatch(void *, const void *message) {
  matched.insert(static_cast<const modsecurity::RuleMessage *>(message)->m_ruleId);
}

static bool readText(std::string &text) {
  uint32_t length = 0;
  if (!std::cin.read(reinterpret_cast<char *>(&length), sizeof length)) return false;
  text.resize(length);
  return static_cast<bool>(std::cin.read(text.data(), length));
}

int main(int count, char **files) {
  modsecurity::ModSecurity engine;
  engine.setServerLogCb(onMatch, modsecurity::RuleMessageLogProperty);
  modsecurity::RulesSet rules;
  for (int i = 1; i < count; i += 1)
    if (rules.loadFromUri(files[i]) < 0) {
      std::cerr << rules.getParserError() << std::endl;
      return 1;
    }
  std::string method, uri, version, headers, body;
  while (readText(method) && readText(uri) && readText(version) && readText(headers) && readText(body)) {
    matched.clear();
    auto start = std::chrono::steady_clock::now();
    {
      modsecurity::Transaction request(&engine, &rules, nullptr);
      request.processConnection("192.0.2.1", 40000, "192.0.2.2", 80);
      request.processURI(uri.c_str(), method.c_str(), version.c_str());
      for (size_t at = 0; at < headers.size();) {
        size_t name = headers.find('\0', at), value = headers.find('\0', name + 1);
        request.addRequestHeader(headers.substr(at, name - at), headers.substr(name + 1, value - name - 1));
        at = value + 1;
      }
      request.processRequestHeaders();
      request.appendRequestBody(reinterpret_cast<const unsigned char *>(body.data()), body.size());
      request.processRequestBody();
    }
    auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start).count();
    std::cout << ns;
    for (int id : matched) std::cout << ' ' << id;
    std::cout << '\n';
  }
  return 0;
}
