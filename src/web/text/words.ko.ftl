# 여러 쪽이 함께 쓰는 말: 품목, 까닭, 지난 시간

compartment = { $number }번 칸

reason-not-sure = 확신할 수 없음
reason-unknown = 처음 보는 물건
reason-two-items = 두 가지가 함께 있음
reason-compartment-full = 그 칸이 가득 참
reason-compartment-disabled = 그 칸이 닫혀 있음
reason-not-collected-here = 여기서 모으지 않음

stream-clear-pet = 투명 페트병
stream-plastic = 플라스틱
stream-can = 캔·고철
stream-glass = 유리병
stream-paper = 종이
stream-carton = 종이팩
stream-film = 비닐
stream-foam = 스티로폼
stream-general = 일반쓰레기
stream-city-1 = 우리 구 품목 1
stream-city-2 = 우리 구 품목 2
stream-city-3 = 우리 구 품목 3

void-disturbed = 움직여서 다시 봄
void-hand = 손이 들어와 되돌림
void-taken-back = 다시 가져감
void-jam = 걸린 것을 꺼냄
void-mechanism-fault = 분류판 고장
void-still-there = 아직 있어서 다시 봄

age-seconds = { $count }초
age-minutes = { $count }분
age-hours = { $count }시간
age-days = { $count }일
