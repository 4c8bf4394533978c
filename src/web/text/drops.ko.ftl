# 투입 목록: 최근 것, 찾기, 바로잡기

tab-drops = 투입 목록

drops-title = 최근 투입
drops-none = 아직 투입이 없습니다
drops-unsynchronised = ≈ 시계가 맞춰지기 전의 시각
drop-void = 없던 일로 함
drops-day = 날짜
drops-any = 모든 품목
drops-find = 찾기
drops-older = 더 오래된 것
drops-newest = 가장 새 것부터
drops-found-none = 찾는 투입이 없습니다
drops-csv = 모든 투입 내려받기 (CSV)
drops-correct = 이것은 사실…
drops-truth = 점검원: { $stream }

note-corrected = 적었습니다.
