// SPDX-License-Identifier: Apache-2.0
// libmodsecurity as a filter: requests come on standard input as numbers and texts, each text after its length; of each,
// one line says how long it took by the clock and of the processor, in ns, the score that rule 4 told of, and which rules
// matched. At the end standard error has the most memory that it held, in KiB. Usage: modsecurity FILE... (rules, in order)

#include <modsecurity/modsecurity.h>
#include <modsecurity/rule_message.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>
#include <vector>

static std::set<int> matched;
static int score;

static void onMatch(void *, const void *told) {
  auto message = static_cast<const modsecurity::RuleMessage *>(told);
  if (message->m_ruleId == 4)
    score = atoi(message->m_message.c_str());
  else
    matched.insert(message->m_ruleId);
}

static int64_t nanoseconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
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
    score = 0;
    int64_t start = nanoseconds(CLOCK_MONOTONIC), cpuStart = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
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
    int64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpuStart;
    std::cout << nanoseconds(CLOCK_MONOTONIC) - start << ' ' << cpu << ' ' << score;
    for (int id : matched) std::cout << ' ' << id;
    std::cout << '\n';
  }
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::cerr << usage.ru_maxrss << std::endl;
  return 0;
}
